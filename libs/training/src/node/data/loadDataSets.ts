/** @file The files of a job as training, validation and test sets that agree about their labels. */
import type { Task } from "@stagecoach/transformer";
import type { DataReport, EncodedExamples } from "../../data/encodeExamples.ts";
import { countingUp } from "../../data/growingArray.ts";
import { splitExamples } from "../../data/splitExamples.ts";
import type { DataSplit } from "./dataFolder.ts";
import { loadExamples, type DataFile, type LoadExamplesOptions } from "./loadExamples.ts";

export type LoadDataSetsOptions = LoadExamplesOptions & {
  readonly train: DataFile;
  /** Without it, a share of the training file can be set aside (`split`). */
  readonly validation?: DataFile | undefined;
  readonly test?: DataFile | undefined;
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
  const split = {
    validation: validationFile === undefined ? shares?.validation : 0,
    test: testFile === undefined ? shares?.test : 0,
  };
  const opened: EncodedExamples[] = [];
  const close = () =>
    opened.forEach((each) => {
      each.store.close();
      each.questions.close();
    });
  try {
    const encoded = await loadExamples({ split: "train", ...trainFile }, { ...load, split });
    opened.push(encoded);
    const { task, labels } = encoded;
    const loadOther = async (given: DataFile, its: DataSplit): Promise<ExampleSet> => {
      const file = { split: its, ...given };
      const problemType = task.name === "sequence-classification" ? task.problemType : undefined;
      const known = labels.length === 0 ? undefined : labels;
      const pretraining = { ...load.pretraining, dupeFactor: 1 };
      const other = await loadExamples(file, { ...load, task: task.name, problemType, labels: known, pretraining });
      opened.push(other);
      return { encoded: other, examples: allOf(other) };
    };
    const parts = splitExamples(encoded, { seed: load.seed ?? 0, ...split });
    const part = (examples: Int32Array) => (examples.length === 0 ? undefined : { encoded, examples });
    const validation =
      validationFile === undefined ? part(parts.validation) : await loadOther(validationFile, "validation");
    const test = testFile === undefined ? part(parts.test) : await loadOther(testFile, "test");
    const reports = opened.map(({ report }) => report);
    return { task, labels, train: { encoded, examples: parts.train }, validation, test, reports, close };
  } catch (error) {
    close();
    throw error;
  }
}

function allOf({ store }: EncodedExamples): Int32Array {
  return countingUp(store.size);
}
