/** @file What a data file is to a model, before anything is trained: its task, columns, labels, lengths in tokens, and its first rows. */
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { BadRows, countingUp, type DataFormat, type DataReport, type DataRow } from "@stagecoach/training";
import { loadExamples, openDataFile, type DataFile, type LoadProgress } from "@stagecoach/training/node";
import { readEncoderModel, type TaskName } from "@stagecoach/transformer";
import { jsonReader, resolveModel, type DownloadProgress } from "@stagecoach/transformer/node";
import { countLabels } from "../training/classWeights.ts";
import { expectPositions } from "../training/prepareData.ts";

export type PreviewOptions = {
  readonly data: DataFile & { readonly format?: DataFormat | undefined };
  readonly model: string;
  readonly revision?: string | undefined;
  readonly task?: TaskName | undefined;
  readonly columns?: Readonly<Record<string, string>> | undefined;
  readonly maxLength?: number | undefined;
  /** Rows to show. */
  readonly numRows: number;
  /** For encoded data that does not fit into memory. */
  readonly folder: string;
  readonly onDownload: (progress: DownloadProgress) => void;
  readonly onReading: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal | undefined;
};

export type DataPreview = {
  readonly task: TaskName;
  readonly problemType: string | undefined;
  readonly maxLength: number;
  readonly report: DataReport;
  /** Classes with the examples of each, the most frequent first; empty where an example is not of one class or several. */
  readonly labels: readonly (readonly [label: string, count: number])[];
  /** Tokens of each example, ascending; all its texts together. */
  readonly lengths: Int32Array;
  readonly rows: readonly DataRow[];
  /** The tokens of the first example, as the model gets them. */
  readonly tokens: readonly string[];
};

/** Bad rows are left out and told of. @throws DataError, HubError, TrainingError; the reason of `signal` */
export async function previewData(options: PreviewOptions): Promise<DataPreview> {
  const { data, model, revision, numRows, maxLength, signal } = options;
  const { folder } = await resolveModel(model, { revision, onProgress: options.onDownload, signal, fromScratch: true });
  const { config, modules } = await readEncoderModel(jsonReader(folder));
  expectPositions(maxLength, config);
  const tokenizer = await loadTokenizer(folder, { lowerCase: modules.lowerCase });
  const encoded = await loadExamples(data, {
    tokenizer,
    task: options.task,
    columns: options.columns,
    maxLength,
    modelMaxLength: config.maxLength,
    sentenceMaxLength: modules.maxLength,
    onBadRow: "skip",
    folder: options.folder,
    onProgress: options.onReading,
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const { task, labels, store, report } = encoded;
    const isLabelled = task.name === "sequence-classification" && task.problemType !== "regression";
    const counts = isLabelled ? countLabels(labels.length, { encoded, examples: countingUp(store.size) }) : [];
    const rows: DataRow[] = [];
    const source = await openDataFile(data.path, { ...data, name: report.file, signal });
    for await (const portion of source.read(new BadRows("skip"))) {
      rows.push(...portion.slice(0, numRows - rows.length));
      if (rows.length >= numRows) break;
    }
    return {
      task: task.name,
      problemType: "problemType" in task ? task.problemType : undefined,
      maxLength: encoded.maxLength,
      report,
      labels: counts.map((count, label) => [labels[label]!, count] as const).toSorted(([, a], [, b]) => b - a),
      lengths: store.lengths.toSorted(),
      rows,
      tokens: Array.from(store.get(0).ids, (id) => tokenizer.idToToken(id) ?? ""),
    };
  } finally {
    encoded.store.close();
    encoded.questions.close();
  }
}
