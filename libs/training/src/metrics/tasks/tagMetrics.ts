/** @file Metrics of token classification. */
import { entityScores } from "../entityScores.ts";
import type { EvaluatedBatch, Evaluation, MetricAccumulator, Prediction } from "./accumulator.ts";
import { labelEvaluation, type ClassMetricOptions } from "./classMetrics.ts";
import { ClassTally } from "./classTally.ts";
import { rowsOf, targetOf } from "./rows.ts";

type TaggedText = { readonly example: number; readonly target: string[]; readonly predicted: string[] };

/**
 * Where the labels are tags of entities (B-X, I-X, E-X, S-X, O): precision, recall and f1 of entities as seqeval's default
 * (conlleval), and accuracy of tags. For other labels (parts of speech): the metrics of classification, over tokens.
 */
export function tagMetrics({ labels, classWeights }: ClassMetricOptions): MetricAccumulator {
  const tally = new ClassTally(classWeights);
  const texts: TaggedText[] = [];
  const areEntities =
    labels.every((label) => label === "O" || /^[BIES]-/.test(label)) && labels.some((label) => label !== "O");
  return {
    primary: areEntities ? "f1" : "accuracy",
    add(evaluated, outputs) {
      const rows = targetOf(evaluated, "label_rows");
      const targets = targetOf(evaluated, "labels");
      const logits = rowsOf(outputs, "logits");
      const textOfRow = textsOfRows(evaluated);
      const own: TaggedText[] = Array.from(evaluated.examples, (example) => ({ example, target: [], predicted: [] }));
      for (let index = 0; index < rows.length; index++) {
        const { predicted } = tally.add(logits, rows[index]!, targets[index]!);
        const text = own[textOfRow[rows[index]!]!]!;
        text.target.push(labels[targets[index]!]!);
        text.predicted.push(labels[predicted]!);
      }
      texts.push(...own);
    },
    finish() {
      const predictions: Prediction[] = texts.map((text) => ({ kind: "tags", ...text }));
      return { ...(areEntities ? entityEvaluation(tally, texts) : labelEvaluation(tally, labels)), predictions };
    },
  };
}

function entityEvaluation(tally: ClassTally, texts: readonly TaggedText[]): Evaluation {
  const scores = entityScores(
    texts.map(({ target }) => target),
    texts.map(({ predicted }) => predicted),
  );
  return {
    loss: tally.loss,
    primary: "f1",
    metrics: { loss: tally.loss, ...scores.micro, f1_macro: scores.macro.f1, accuracy: scores.accuracy },
    predictions: [],
    classes: Object.entries(scores.perType).map(([label, each]) => ({ label, ...each })),
  };
}

/** `[T]`: place in the batch of each packed row's text. */
function textsOfRows({ batch: { lengths } }: EvaluatedBatch): Int32Array {
  const texts = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  let row = 0;
  for (const [text, length] of lengths.entries()) {
    texts.fill(text, row, row + length);
    row += length;
  }
  return texts;
}
