/**
 * @file The padded inputs of a task's golden file as a packed training batch, and where the packed rows came from.
 *
 * Dimensions: B texts, S width of the padded batch, T packed rows, C classes, V vocabulary.
 */
import type { Target, Task, TrainingBatch, WeightSource } from "@stagecoach/transformer";

export type GoldenTaskBatch = {
  readonly batch: TrainingBatch;
  /** `[T]`: the padded place `b * S + s` of each packed row. */
  readonly places: readonly number[];
  /** `[B, S]` */
  readonly mask: Int32Array;
  readonly size: { readonly numTexts: number; readonly width: number };
};

/** @param withPadding - padding tokens get packed rows of their own (trainingStageGraph.ts, `withPaddingRows`) */
export async function goldenTaskBatch(
  golden: WeightSource,
  task: Task,
  withPadding: boolean,
): Promise<GoldenTaskBatch> {
  const shape = golden.entry("input.input_ids").shape;
  const S = shape.at(-1)!;
  const B = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const read = (name: string) =>
    golden.has(`input.${name}`) ? golden.readInt32(`input.${name}`) : Promise.resolve(new Int32Array(B * S));
  const [ids, mask, types] = await Promise.all([read("input_ids"), read("attention_mask"), read("token_type_ids")]);
  const places = Array.from({ length: B * S }, (_, place) => place).filter((place) => withPadding || mask[place] === 1);
  const gather = (values: Int32Array) => Int32Array.from(places, (place) => values[place]!);
  const { targets, counts } = await goldenTargets(golden, task, places);
  const batch = {
    inputIds: gather(ids),
    tokenTypeIds: gather(types),
    lengths: Int32Array.from(
      { length: B },
      (_, text) => places.filter((place) => Math.floor(place / S) === text).length,
    ),
    textIds: Int32Array.from({ length: B }, (_, text) => text),
    targets: withPadding ? { ...targets, attention_mask: int32([...gather(mask)]) } : targets,
    counts,
  };
  return { batch, places, mask, size: { numTexts: B, width: S } };
}

type Targets = Pick<TrainingBatch, "targets" | "counts">;

async function goldenTargets(golden: WeightSource, task: Task, places: readonly number[]): Promise<Targets> {
  const labels = (name = "labels") => golden.readInt32(`input.${name}`);
  switch (task.name) {
    case "sequence-classification": {
      if (task.problemType === "single_label_classification")
        return classTargets([...(await labels())], task.classWeights);
      const data = await golden.readFloat32("input.labels");
      const shape = [data.length / task.numLabels, task.numLabels];
      return { targets: { labels: { dtype: "float32", shape, data } }, counts: { labels: data.length } };
    }
    case "token-classification": {
      const { rows, values } = labelled(await labels(), places);
      return { targets: { label_rows: int32(rows), labels: int32(values) }, counts: { labels: rows.length } };
    }
    case "question-answering": {
      const starts = [...(await labels("start_positions"))];
      const ends = [...(await labels("end_positions"))];
      return {
        targets: { start_positions: int32(starts), end_positions: int32(ends) },
        counts: { positions: starts.length },
      };
    }
    case "multiple-choice": {
      const chosen = [...(await labels())];
      const choices = Int32Array.from({ length: chosen.length * task.numChoices }, (_, text) => text);
      return {
        targets: {
          choice_index: { dtype: "int32", shape: [chosen.length, task.numChoices], data: choices },
          labels: int32(chosen),
        },
        counts: { labels: chosen.length },
      };
    }
    case "masked-lm":
      return maskedTargets(await labels(), places);
    case "next-sentence":
      return sentenceTargets([...(await labels("next_sentence_label"))]);
    case "sentence-embedding":
      throw new Error("golden folders have heads; sentence vectors are in sentenceTraining.test.ts");
    case "pretraining":
      break;
  }
  const tokens = maskedTargets(await labels(), places);
  const sentences = sentenceTargets([...(await labels("next_sentence_label"))]);
  return {
    targets: { ...tokens.targets, ...sentences.targets },
    counts: { ...tokens.counts, ...sentences.counts },
  };
}

function classTargets(labels: readonly number[], weights?: readonly number[]): Targets {
  const count = labels.reduce((total, label) => total + (weights?.[label] ?? 1), 0);
  return { targets: { labels: int32(labels) }, counts: { labels: count } };
}

function maskedTargets(labels: Int32Array, places: readonly number[]): Targets {
  const { rows, values } = labelled(labels, places);
  return {
    targets: { masked_rows: int32(rows), masked_labels: int32(values) },
    counts: { masked_lm: rows.length },
  };
}

const sentenceTargets = (labels: readonly number[]): Targets => ({
  targets: { next_sentence_labels: int32(labels) },
  counts: { next_sentence: labels.length },
});

/** Packed rows with a label, and their labels. */
function labelled(labels: Int32Array, places: readonly number[]): { rows: number[]; values: number[] } {
  const rows = places.flatMap((place, row) => (labels[place]! >= 0 ? [row] : []));
  return { rows, values: rows.map((row) => labels[places[row]!]!) };
}

const int32 = (values: readonly number[]): Target => ({
  dtype: "int32",
  shape: [values.length],
  data: Int32Array.from(values),
});
