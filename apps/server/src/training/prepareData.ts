/** @file The files of a job as data sets, with labels in the order in which the model has them. */
import { TrainingError, type BadRowRule, type DataReport } from "@stagecoach/training";
import { loadDataSets, type DataSets, type LoadProgress } from "@stagecoach/training/node";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { readEncoderModel, readLabels, readTask, type EncoderConfig } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import type { TrainingSettings } from "./trainingSettings.ts";

export type PrepareDataOptions = {
  readonly onProgress: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal | undefined;
  /** For encoded data that does not fit into memory. */
  readonly folder: string;
};

/**
 * @param folder - of the model
 * @throws DataError; TrainingError when the model cannot take so long a text
 */
export async function prepareData(
  folder: string,
  settings: TrainingSettings,
  options: PrepareDataOptions,
): Promise<DataSets> {
  const { hyperparameters, head, task, columns } = settings;
  const given = hyperparameters ?? {};
  if (settings.test_data !== undefined && given.test_split !== undefined) {
    const message = "test split: expected this or a file to test on, got both";
    throw new TrainingError("training_option", message);
  }
  const { config, modules } = await readEncoderModel(jsonReader(folder));
  const tokenizer = await loadTokenizer(folder, { lowerCase: modules.lowerCase });
  const { max_length: asked } = given;
  expectPositions(asked, config);
  const load = (labels: readonly string[] | undefined) =>
    loadDataSets({
      train: settings.data,
      validation: settings.evaluation_data,
      test: settings.test_data,
      tokenizer,
      task,
      columns,
      labels,
      problemType: head?.problem_type,
      maxLength: asked,
      modelMaxLength: config.maxLength,
      sentenceMaxLength: modules.maxLength,
      onBadRow: given.bad_rows satisfies BadRowRule | undefined,
      stride: given.doc_stride,
      pretraining: { probability: given.mlm_probability, wholeWords: given.whole_word_mask },
      keepTexts: settings.teacher !== undefined,
      seed: settings.seed,
      split: { validation: given.validation_split, test: given.test_split },
      folder: options.folder,
      onProgress: options.onProgress,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  const data = await load(head?.labels);
  const known = await labelsOfModel(folder, settings, data);
  if (known === null) return data;
  data.close();
  return load(known);
}

/** @param maxLength - as it was asked for @throws TrainingError when the model cannot take so long a text */
export function expectPositions(maxLength: number | undefined, config: Pick<EncoderConfig, "maxLength">): void {
  if (maxLength === undefined || maxLength <= config.maxLength) return;
  const message = `max length: expected at most ${config.maxLength} tokens, which the model has positions for, got ${maxLength}`;
  throw new TrainingError("training_option", message);
}

/** Where the model was trained for the same labels in another order, this one counts. */
async function labelsOfModel(
  folder: string,
  { head, replace_head: isNewHead }: TrainingSettings,
  { task, labels }: DataSets,
): Promise<readonly string[] | null> {
  if (head?.labels !== undefined || isNewHead || labels.length === 0) return null;
  const config = await jsonReader(folder)("config.json");
  if (readTask(config)?.name !== task.name) return null;
  const known = readLabels(config);
  const isSame = known.length === labels.length && known.every((label) => labels.includes(label));
  return isSame && known.join("\n") !== labels.join("\n") ? known : null;
}

/** What a person should know of the data before it is trained on. */
export function dataWarnings(reports: readonly DataReport[]): string[] {
  return reports.flatMap(({ file, numTruncated, numRows, numSkipped, skipped, ignoredColumns }) => [
    ...(numTruncated > 0 ? [`${file}: ${numTruncated} of ${numRows} rows were cut to the maximum length`] : []),
    ...(numSkipped > 0 ? [`${file}: ${numSkipped} rows were left out, the first: ${skipped[0]!.message}`] : []),
    ...(ignoredColumns.length > 0 ? [`${file}: columns that are not used: ${ignoredColumns.join(", ")}`] : []),
  ]);
}
