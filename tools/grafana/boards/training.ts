/** @file Fine-tuning jobs: do they learn, how fast, and what became of those before. */
import type { BoardSpec } from "../board.ts";
import type { PanelSpec } from "../panels.ts";
import { of, rate } from "./queries.ts";

const LEGEND = "{{exported_job}}";
const stageSeconds = rate("stagecoach_job_stage_seconds_total", of.job);
const jobGauge = (name: string, panel: Omit<PanelSpec, "queries" | "width">): PanelSpec => ({
  width: 8,
  queries: [{ expr: `stagecoach_job_${name}{${of.job}}`, legend: LEGEND }],
  ...panel,
});

export const training: BoardSpec = {
  uid: "stagecoach-training",
  title: "Stagecoach: training",
  description: "Do jobs learn, how fast are they, and how have they ended? A job has numbers while it runs.",
  variables: ["job"],
  rows: [
    {
      title: "Is it all right?",
      panels: [
        {
          kind: "stat",
          title: "Jobs",
          description: "By status. Queued ones wait for the one that runs.",
          unit: "none",
          width: 12,
          queries: [{ expr: `sum by (status) (stagecoach_jobs{${of.instance}})`, legend: "{{status}}" }],
        },
        {
          kind: "stat",
          title: "Failed in this range",
          description: "By the code of their error, which the job's own events explain.",
          unit: "none",
          width: 6,
          limits: { orange: 1, red: 1 },
          queries: [
            { expr: `sum(increase(stagecoach_job_failures_total{${of.instance}}[$__range]))`, legend: "failed" },
          ],
        },
        {
          kind: "stat",
          title: "Silence",
          description:
            "Time since the running job last told anything. Some minutes: see its log; a trainer that hangs is killed.",
          unit: "s",
          width: 6,
          limits: { orange: 120, red: 600 },
          queries: [
            { expr: `max(time() - stagecoach_job_last_event_timestamp_seconds{${of.job}})`, legend: "silence" },
          ],
        },
      ],
    },
    {
      title: "Learning",
      panels: [
        {
          title: "Loss",
          description:
            "Falls, then flattens. Validation that rises while training falls: stop earlier, or take more data.",
          unit: "short",
          width: 12,
          queries: [
            { expr: `stagecoach_job_train_loss{${of.job}}`, legend: `train ${LEGEND}` },
            { expr: `stagecoach_job_valid_loss{${of.job}}`, legend: `valid ${LEGEND}` },
          ],
        },
        {
          title: "Evaluation metrics",
          description:
            "On validation data, by name; which are better when high is said in the documentation of the task.",
          unit: "short",
          hasNegative: true,
          width: 12,
          queries: [{ expr: `stagecoach_job_evaluation{${of.job}}`, legend: "{{metric}} {{exported_job}}" }],
        },
        jobGauge("learning_rate", {
          title: "Learning rate",
          description: "As the schedule has it: up in the warm-up, then down.",
          unit: "short",
        }),
        jobGauge("gradient_norm", {
          title: "Gradient norm",
          description: "Before clipping. Sudden peaks, or growth without end, ask for a lower learning rate.",
          unit: "short",
        }),
        jobGauge("step", {
          title: "Step",
          description: "Goes up. Flat for minutes: see the silence above.",
          unit: "short",
        }),
      ],
    },
    {
      title: "Speed",
      panels: [
        jobGauge("tokens_per_second", {
          title: "Tokens per second",
          description: "Falls when requests need the machine: training stands back behind them.",
          unit: "short",
          more: "stagecoach-machine",
        }),
        jobGauge("examples_per_second", {
          title: "Examples per second",
          description: "Depends on their length.",
          unit: "short",
        }),
        jobGauge("step_seconds", {
          title: "Time of a step",
          description: "Steady but for the lengths of texts.",
          unit: "s",
        }),
        {
          title: "What stages do with their time",
          description: "Share by phase. Waiting is the bubble; other is batches, optimizer and log.",
          unit: "percentunit",
          width: 12,
          isStacked: true,
          max: 1,
          queries: [
            {
              expr: `sum by (phase) (${stageSeconds}) / on () group_left () clamp_min(sum(${stageSeconds}), 1e-9)`,
              legend: "{{phase}}",
            },
          ],
        },
        {
          title: "Lost to waiting and padding",
          description: "Bubble: more micro-batches or fewer stages lower it. Padding: batches of similar lengths do.",
          unit: "percentunit",
          width: 12,
          queries: [
            { expr: `stagecoach_job_bubble_ratio{${of.job}}`, legend: `bubble ${LEGEND}` },
            { expr: `stagecoach_job_padding_ratio{${of.job}}`, legend: `padding ${LEGEND}` },
          ],
        },
      ],
    },
    {
      title: "Checkpoints and losses",
      panels: [
        jobGauge("checkpoint_bytes", {
          title: "Size of a checkpoint",
          description: "All jobs together have --max-checkpoints-bytes.",
          unit: "bytes",
          more: "stagecoach-machine",
        }),
        jobGauge("checkpoint_seconds", {
          title: "Time of a checkpoint",
          description:
            "Seconds that the job does not train. Save less often where it is a good part of the time between.",
          unit: "s",
        }),
        {
          title: "Steps made again",
          description: "After the loss of a stage or a trainer. Many: checkpoints are too far apart, or workers die.",
          unit: "none",
          width: 8,
          more: "stagecoach-pipeline",
          queries: [{ expr: `stagecoach_job_replayed_steps_total{${of.instance}}`, legend: "steps" }],
        },
        {
          title: "Runs by how they ended",
          description:
            "Stopped: paused, cancelled, or the server went; lost: the trainer died, the job goes on from a checkpoint.",
          unit: "none",
          width: 12,
          queries: [
            { expr: `sum by (outcome) (stagecoach_job_ends_total{${of.instance}})`, legend: "{{outcome}}" },
            { expr: `sum(stagecoach_job_starts_total{${of.instance}})`, legend: "started" },
          ],
        },
        {
          title: "Failures",
          description: "By the code of the error: docs/MONITORING.md says what to do about each.",
          unit: "none",
          width: 12,
          queries: [{ expr: `sum by (code) (stagecoach_job_failures_total{${of.instance}})`, legend: "{{code}}" }],
        },
      ],
    },
  ],
};
