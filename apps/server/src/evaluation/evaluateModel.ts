/**
 * @file A model measured on a file of examples: with its head by the task's own metrics, without one by what its vectors are good for.
 *
 * Where the file has anchors and positives that is retrieval (each anchor's texts among all texts of the file), where it has pairs
 * with a score it is similarity.
 */
import {
  BatchedDataSet,
  countingUp,
  evaluate,
  TrainingError,
  type ColumnMap,
  type DataReport,
  type Evaluation,
} from "@stagecoach/training";
import { loadExamples, type DataFile, type LoadProgress } from "@stagecoach/training/node";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { readEncoderModel, readLabels, readTask, type Task, type TaskName } from "@stagecoach/transformer";
import { jsonReader, resolveModel, type DownloadProgress } from "@stagecoach/transformer/node";
import type { EngineName } from "@stagecoach/engine/node";
import type { OpenPipeline } from "../training/pipelineRequest.ts";
import { evaluationSettings } from "../training/evaluationSettings.ts";
import { metricOptions } from "../training/metricOptions.ts";
import { expectPositions } from "../training/prepareData.ts";
import { evaluateVectors } from "./evaluateVectors.ts";

export type EvaluationSettings = {
  /** Folder or hub id. */
  readonly model: string;
  readonly revision?: string | undefined;
  readonly data: DataFile;
  /** Default: the model's own; sentence-embedding for one without a head. */
  readonly task?: TaskName | undefined;
  readonly columns?: ColumnMap | undefined;
  /** Tokens of a text; default: the model's. */
  readonly maxLength?: number | undefined;
  readonly onBadRow?: "error" | "skip" | undefined;
  /** Cut vectors to this size. */
  readonly dimensions?: number | undefined;
  readonly stages: number;
  readonly engine: EngineName;
  readonly threads: number;
};

export type EvaluationEvent =
  | ({ readonly type: "download" } & DownloadProgress)
  | ({ readonly type: "reading" } & LoadProgress)
  | { readonly type: "note"; readonly message: string }
  | { readonly type: "evaluating"; readonly done: number; readonly total: number; readonly unit: string };

export type EvaluationOptions = {
  readonly openPipeline: OpenPipeline;
  /** For encoded data that does not fit into memory. */
  readonly folder: string;
  readonly onEvent: (event: EvaluationEvent) => void;
  readonly signal?: AbortSignal | undefined;
};

export type ModelEvaluation = Pick<Evaluation, "primary" | "metrics" | "classes" | "confusion"> & {
  /** retrieval, similarity, or a task. */
  readonly kind: string;
  readonly labels: readonly string[];
  readonly data: DataReport;
};

const BATCH = 32;

/** @throws TrainingError for a task that the model does not have; DataError; what loading the model throws; the signal's reason */
export async function evaluateModel(
  settings: EvaluationSettings,
  options: EvaluationOptions,
): Promise<ModelEvaluation> {
  const { signal, onEvent } = options;
  const { folder } = await resolveModel(settings.model, {
    revision: settings.revision,
    onProgress: (progress) => onEvent({ type: "download", ...progress }),
    ...(signal === undefined ? {} : { signal }),
  });
  const json = jsonReader(folder);
  const model = await readEncoderModel(json);
  const config = await json("config.json");
  const own = readTask(config);
  const task = settings.task ?? own?.name ?? "sentence-embedding";
  if (task !== "sentence-embedding" && task !== own?.name) {
    const found = own === null ? "a model without a head (sentence-embedding)" : own.name;
    throw new TrainingError("training_option", `task: expected a model for ${task}, got ${found}`);
  }
  if (settings.task === undefined && own !== null)
    onEvent({
      type: "note",
      message: `measuring the model's head (${own.name}); --task sentence-embedding measures its vectors`,
    });
  refuseUnused(settings, task);
  expectPositions(settings.maxLength, model.config);
  const hasLabels = own !== null && "numLabels" in own && !("problemType" in own && own.problemType === "regression");
  const encoded = await loadExamples(settings.data, {
    tokenizer: await loadTokenizer(folder, { lowerCase: model.modules.lowerCase }),
    task,
    columns: settings.columns,
    labels: hasLabels ? readLabels(config) : undefined,
    problemType: own !== null && "problemType" in own ? own.problemType : undefined,
    maxLength: settings.maxLength,
    modelMaxLength: model.config.maxLength,
    sentenceMaxLength: model.modules.maxLength,
    onBadRow: settings.onBadRow,
    keepTexts: task === "sentence-embedding",
    folder: options.folder,
    onProgress: (progress) => onEvent({ type: "reading", ...progress }),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const { labels, report: data } = encoded;
    if (task === "sentence-embedding")
      return { labels, data, ...(await evaluateVectors(encoded, { ...settings, folder, onEvent, signal })) };
    return {
      labels,
      data,
      kind: task,
      ...(await evaluateHead(encoded, { settings, options, folder, task: own! })),
    };
  } finally {
    encoded.store.close();
    encoded.questions.close();
  }
}

/** @throws TrainingError for what says nothing about vectors, or about a head */
function refuseUnused({ dimensions, maxLength, stages }: EvaluationSettings, task: TaskName): void {
  const wrong = (message: string) => new TrainingError("training_option", message);
  if (task !== "sentence-embedding") {
    if (dimensions !== undefined) throw wrong(`dimensions: expected a model for sentence-embedding, got ${task}`);
    return;
  }
  if (maxLength !== undefined)
    throw wrong(
      "max length: expected a task with a head; vectors are measured as they are served, of the model's own length",
    );
  if (stages !== 1) throw wrong(`stages: expected 1 for vectors, which are computed in one process, got ${stages}`);
}

type Head = {
  readonly settings: EvaluationSettings;
  readonly options: EvaluationOptions;
  readonly folder: string;
  readonly task: Task;
};

async function evaluateHead(
  encoded: Awaited<ReturnType<typeof loadExamples>>,
  { settings, options, folder, task: own }: Head,
): Promise<Evaluation> {
  const { onEvent, signal } = options;
  const task = withNumbers(own, encoded.task);
  const set = { encoded, examples: countingUp(encoded.store.size) };
  const data = new BatchedDataSet(encoded, {
    seed: 0,
    task,
    batchSize: 1,
    evaluationBatchSize: Math.min(BATCH, encoded.store.size),
  });
  const pipeline = await options.openPipeline(
    {
      folder,
      settings: evaluationSettings(task),
      numStages: settings.stages,
      engine: settings.engine,
      threads: settings.threads,
      schedule: "1f1b",
      maxMicroBatchTokens: BATCH * encoded.report.longest,
    },
    null,
  );
  const onExamples = (done: number) => {
    signal?.throwIfAborted();
    onEvent({ type: "evaluating", done, total: data.size, unit: "examples" });
  };
  try {
    return await evaluate(pipeline, { data, metrics: metricOptions(set, encoded.labels) }, onExamples);
  } finally {
    await pipeline.close();
  }
}

/** The model's task with what only the data says. @throws TrainingError where the data has other numbers than the head gives */
function withNumbers(own: Task, found: Task): Task {
  if (own.name === "multiple-choice" && found.name === "multiple-choice") return found;
  if ("numLabels" in own && "numLabels" in found && own.numLabels !== found.numLabels) {
    const message = `data: expected ${own.numLabels} values per text, which the model gives, got ${found.numLabels}`;
    throw new TrainingError("training_option", message);
  }
  return own;
}
