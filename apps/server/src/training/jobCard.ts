/** @file The texts of a trained model's folder: its card and its learning curve. */
import {
  curveSvg,
  learningCurve,
  modelCard,
  type ClassReport,
  type LoggedEvaluation,
  type LoggedStep,
  type TrainingSummary,
} from "@stagecoach/training";
import type { DataSets, ExampleSet } from "@stagecoach/training/node";
import { hiddenOf, type Task } from "@stagecoach/transformer";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { version } from "../version.ts";
import type { JobPlan } from "./planJob.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

export type JobCardFacts = {
  readonly settings: TrainingSettings;
  readonly base: { readonly name: string; readonly isHub: boolean };
  readonly plan: JobPlan;
  readonly data: DataSets;
  readonly summary: TrainingSummary;
  readonly log: { readonly steps: readonly LoggedStep[]; readonly evaluations: readonly LoggedEvaluation[] };
  /** Of the best evaluation, where this process has made it. */
  readonly classes: readonly ClassReport[] | undefined;
};

const CURVE = "curve.svg";

/** By file name. */
export function jobTexts(facts: JobCardFacts): Readonly<Record<string, string>> {
  return { "README.md": card(facts), [CURVE]: curve(facts) };
}

function card({ settings, base, plan, data, summary, log, classes }: JobCardFacts): string {
  const { model, hyperparameters } = plan;
  const best = log.evaluations.find(({ step }) => step === summary.bestStep);
  const set = (split: string, examples: ExampleSet | undefined, file = settings.data) =>
    examples === undefined
      ? []
      : [{ split, source: basename(file.name ?? file.path), examples: examples.examples.length }];
  return modelCard({
    name: settings.name ?? `${basename(base.name)}-${model.task.name}`,
    task: model.task.name,
    base: base.isHub ? { name: base.name, hubId: base.name } : { name: base.name },
    ...(model.task.name === "sentence-embedding" ? { libraryName: "sentence-transformers" } : {}),
    ...(data.labels.length === 0 ? {} : { labels: data.labels }),
    data: [
      ...set("train", data.train, settings.data),
      ...set("dev", data.validation, settings.evaluation_data),
      ...set("test", data.test, settings.test_data),
    ],
    hyperparameters: Object.fromEntries([
      ...Object.entries(hyperparameters).map(([name, value]) => [
        name,
        typeof value === "object" ? JSON.stringify(value) : value,
      ]),
      ["seed", settings.seed],
      ...(settings.teacher === undefined ? [] : Object.entries(teacherFacts(settings.teacher, model.task))),
    ]) as Record<string, string | number | boolean>,
    training: {
      steps: summary.step,
      "best step": summary.bestStep,
      tokens: summary.trainedTokens,
      "seconds of the last run": Math.round(summary.seconds),
      engine: settings.engine,
      stages: settings.stages,
      stagecoach: version,
    },
    results: [...result("dev", best, classes), ...result("test", summary.test, summary.test?.classes)],
    curve: CURVE,
  });
}

/** Shares and weights of logits and hidden states are hyper-parameters. */
function teacherFacts(teacher: NonNullable<TrainingSettings["teacher"]>, task: Task) {
  const isOfVectors = task.name === "sentence-embedding";
  const answers = isOfVectors ? [teacher.match ?? "vectors"] : "distillation" in task ? ["logits"] : [];
  const states = hiddenOf(task) === undefined ? [] : ["hidden states"];
  return {
    teacher: teacherName(teacher),
    "what is learned of it": [...answers, ...states].join(" and "),
    ...(isOfVectors ? { "weight of that": teacher.weight ?? 1 } : {}),
  };
}

/** A hub id is known elsewhere, a folder by its own name only. */
function teacherName({ name, model }: NonNullable<TrainingSettings["teacher"]>): string {
  const given = name ?? model;
  return existsSync(given) ? basename(given) : given;
}

type Measured = { readonly metrics: Readonly<Record<string, number | null>> };

function result(split: string, measured: Measured | null | undefined, classes?: readonly ClassReport[] | null) {
  return measured == null ? [] : [{ split, metrics: measured.metrics, ...(classes == null ? {} : { classes }) }];
}

function curve({ log, summary }: JobCardFacts): string {
  const rows = [
    ...log.steps.map(({ step, loss }) => ({ step, train_loss: loss })),
    ...log.evaluations.map(({ step, metrics }) => ({ step, ...metrics })),
  ];
  const metric = summary.best?.metric;
  const loss = { training: "train_loss", ...(metric === undefined ? {} : { validation: "loss" }) };
  const hasPanel = metric !== undefined && metric !== "loss";
  return curveSvg(learningCurve(rows, { Loss: loss, ...(hasPanel ? { [metric]: { validation: metric } } : {}) }));
}
