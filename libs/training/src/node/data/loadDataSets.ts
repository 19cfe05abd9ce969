/** @file The files of a job as training, validation and test sets that agree about their labels. */
import type { Task } from "@stagecoach/transformer";
import type { DataReport, EncodedExamples } from "../../data/encodeExamples.ts";
import { splitExamples } from "../../data/splitExamples.ts";
import { loadExamples, type DataFile, type LoadExamplesOptions } from "./loadExamples.ts";

export type LoadDataSetsOptions = LoadExamplesOptions & {
  readonly train: DataFile;
  /** Without it, a share of the training file can be set aside. */
  readonly validation?: DataFile | undefined;
  readonly test?: DataFile | undefined;
  /** Shares that are set aside of the training file, for sets that have no file of their own; default none. */
  readonly split?: { readonly seed: number; readonly validation?: number; readonly test?: number } | undefined;
};

/** Encoded examples, and which of them a set has. */
export type ExampleSet = { readonly encoded: EncodedExamples; readonly examples: Int32Array };

export type DataSets = {
  readonly task: Task;
  readonly labels: readonly string[];
  readonly train: ExampleSet;
  readonly validation: ExampleSet | undefined;
  readonly test: ExampleSet | undefined;
  /** One for each file that was read. */
  readonly reports: readonly DataReport[];
  /** Gives memory and temporary files back. */
  close(): void;
};

/** @throws DataError as `loadExamples`; also for a label of another file that the training file does not have */
export async function loadDataSets(options: LoadDataSetsOptions): Promise<DataSets> {
  const { train: trainFile, validation: validationFile, test: testFile, split: shares, ...load } = options;
  const opened: EncodedExamples[] = [];
  const close = () => opened.forEach(({ store }) => store.close());
  try {
    const encoded = await loadExamples(trainFile, load);
    opened.push(encoded);
    const { task, labels } = encoded;
    const loadOther = async (file: DataFile): Promise<ExampleSet> => {
      const problemType = task.name === "sequence-classification" ? task.problemType : undefined;
      const known = labels.length === 0 ? undefined : labels;
      const other = await loadExamples(file, { ...load, task: task.name, problemType, labels: known });
      opened.push(other);
      return { encoded: other, examples: allOf(other) };
    };
    const split = splitExamples(encoded, {
      seed: shares?.seed ?? 0,
      validation: validationFile === undefined ? shares?.validation : 0,
      test: testFile === undefined ? shares?.test : 0,
    });
    const part = (examples: Int32Array) => (examples.length === 0 ? undefined : { encoded, examples });
    const validation = validationFile === undefined ? part(split.validation) : await loadOther(validationFile);
    const test = testFile === undefined ? part(split.test) : await loadOther(testFile);
    const reports = opened.map(({ report }) => report);
    return { task, labels, train: { encoded, examples: split.train }, validation, test, reports, close };
  } catch (error) {
    close();
    throw error;
  }
}

function allOf({ store }: EncodedExamples): Int32Array {
  return Int32Array.from({ length: store.size }, (_, index) => index);
}
