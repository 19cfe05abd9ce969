/** @file Stages and the links between them: what each does with its time, and whether it is there. */
import type { BoardSpec } from "../board.ts";
import { bubble, of, rate, stagesUp } from "./queries.ts";

const LEGEND = "replica {{replica}} stage {{stage}}";
const ofTime = {
  busy: "The engine computes: the busiest stage sets the pace. One that is much busier than others asks for another plan.",
  waiting:
    "Nothing has come in. Much of it on all stages means little load; on later ones, that the first is the slowest.",
  sending: "Results wait to be taken. Much of it means that the next stage, or the link to it, is too slow.",
} as const;

export const pipeline: BoardSpec = {
  uid: "stagecoach-pipeline",
  title: "Stagecoach: pipeline",
  description: "Is every stage there, which one is the slowest, and what do the links carry?",
  variables: ["model", "replica", "stage"],
  rows: [
    {
      title: "Is it all right?",
      panels: [
        {
          kind: "stat",
          title: "Stages up",
          description: "All of them is good. One that is down takes its replica out until a worker takes its place.",
          unit: "percentunit",
          width: 6,
          limits: { orange: 1, red: 0.99 },
          queries: [{ expr: stagesUp, legend: "up" }],
        },
        {
          kind: "stat",
          title: "Replicas up",
          description: "Pipelines that take work. 0 means that nothing is answered.",
          unit: "none",
          width: 6,
          limits: { orange: 1, red: 0.5 },
          queries: [{ expr: `sum(stagecoach_replica_up{${of.replica}})`, legend: "up" }],
        },
        {
          kind: "stat",
          title: "Restarts in this range",
          description: "0 is good. The log says why a worker has ended; memory below says whether it grew before.",
          unit: "none",
          width: 6,
          limits: { orange: 1, red: 4 },
          queries: [
            { expr: `sum(increase(stagecoach_worker_restarts_total{${of.stage}}[$__range]))`, legend: "restarts" },
          ],
        },
        {
          kind: "stat",
          title: "Bubble",
          description:
            "Share of time in which stages waited. It says something under load only: without any it nears 100 %.",
          unit: "percentunit",
          width: 6,
          queries: [{ expr: `avg(${bubble})`, legend: "bubble" }],
        },
      ],
    },
    {
      title: "What stages do with their time",
      panels: [
        ...(Object.keys(ofTime) as (keyof typeof ofTime)[]).map((what) => ({
          title: `${what[0]!.toUpperCase()}${what.slice(1)}`,
          description: `${ofTime[what]} (share of time)`,
          unit: "percentunit",
          width: 8,
          queries: [{ expr: rate(`stagecoach_stage_${what}_seconds_total`, of.stage), legend: LEGEND }],
        })),
        {
          title: "Bubble by replica",
          description:
            "Under load a few percent is good. More: too few micro-batches at once, or stages of unequal cost.",
          unit: "percentunit",
          width: 12,
          max: 1,
          queries: [{ expr: bubble, legend: "replica {{replica}}" }],
        },
        {
          title: "Time of a micro-batch in the pipeline",
          description: "p99 from the gateway and back. Grows with the queue in front of the slowest stage.",
          unit: "s",
          width: 12,
          more: "stagecoach-serving",
          queries: [
            {
              expr: `histogram_quantile(0.99, sum by (le, replica) (${rate("stagecoach_micro_batch_seconds_bucket", `${of.replica},model=~"$model"`)}))`,
              legend: "replica {{replica}}",
            },
          ],
        },
      ],
    },
    {
      title: "Work and links",
      panels: [
        {
          title: "Tokens",
          description: "Tokens a second of each stage: the same in all stages of a replica.",
          unit: "short",
          width: 8,
          queries: [{ expr: rate("stagecoach_stage_tokens_total", of.stage), legend: LEGEND }],
        },
        {
          title: "Sent",
          description:
            "Bytes a second on a stage's data links. Near what the network carries, sending will grow as well.",
          unit: "Bps",
          width: 8,
          more: "stagecoach-machine",
          queries: [{ expr: rate("stagecoach_link_sent_bytes_total", of.stage), legend: LEGEND }],
        },
        {
          title: "Received",
          description: "Bytes a second. Hidden rows are much larger than token ids: stage 0 receives little.",
          unit: "Bps",
          width: 8,
          queries: [{ expr: rate("stagecoach_link_received_bytes_total", of.stage), legend: LEGEND }],
        },
      ],
    },
    {
      title: "Workers",
      panels: [
        {
          title: "Up",
          description: "1 while a stage has a worker.",
          unit: "none",
          width: 8,
          max: 1,
          queries: [{ expr: `stagecoach_stage_up{${of.stage}}`, legend: LEGEND }],
        },
        {
          title: "Restarts",
          description: "Workers that were started anew. Several in a row: the log says how they ended.",
          unit: "none",
          width: 8,
          queries: [{ expr: `stagecoach_worker_restarts_total{${of.stage}}`, legend: LEGEND }],
        },
        {
          title: "Memory",
          description: "Resident memory of each worker. Steady is good; one that only grows is to be reported.",
          unit: "bytes",
          width: 8,
          queries: [{ expr: `stagecoach_worker_resident_memory_bytes{${of.stage}}`, legend: LEGEND }],
        },
      ],
    },
  ],
};
