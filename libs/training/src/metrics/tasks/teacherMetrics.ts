/** @file How near a model's vectors are to its teacher's. */
import type { TeacherLoss } from "@stagecoach/transformer";
import { spearman } from "../correlation.ts";
import type { MetricAccumulator } from "./accumulator.ts";
import { RunningMean } from "../runningMean.ts";
import { rowsOf, targetOf, type Rows } from "./rows.ts";

/**
 * teacher_spearman: rank correlation of the cosines that both give to neighbouring texts of the evaluation. teacher_cosine, where
 * vectors are to be the teacher's: mean cosine of the two vectors of a text. loss: that of training, within each evaluation batch.
 *
 * @param sizes - to which vectors can be cut, the largest first; the full size when left out
 */
export function teacherMetrics(
  { name, dimensions, weight }: TeacherLoss,
  sizes?: readonly number[],
): MetricAccumulator {
  const loss = new RunningMean();
  const agreement = new RunningMean();
  const [own, given]: [number[], number[]] = [[], []];
  return {
    primary: "teacher_spearman",
    add(evaluated, outputs) {
      const rows = rowsOf(outputs, "embeddings", evaluated.batch.lengths.length);
      const all = { ...rows, numColumns: dimensions, data: targetOf(evaluated, "teacher_vectors") };
      const bySize = (sizes ?? [rows.numColumns]).map((size) => ({
        student: { rows, size },
        teacher: { rows: all, size: name === "vectors" ? size : dimensions },
      }));
      const [{ student, teacher }] = bySize as [(typeof bySize)[0]];
      for (let text = 0; text < rows.numRows; text++) {
        if (text > 0) {
          own.push(cosine([student, text - 1], [student, text]));
          given.push(cosine([teacher, text - 1], [teacher, text]));
        }
        if (name === "vectors") agreement.add(cosine([student, text], [teacher, text]));
        const lossOf = name === "vectors" ? squaredDistance : cosineDifferences;
        loss.add(weight * bySize.reduce((sum, each) => sum + lossOf(each, text), 0));
      }
    },
    finish() {
      const metrics = {
        loss: loss.value,
        teacher_spearman: spearman(own, given),
        ...(name === "vectors" ? { teacher_cosine: agreement.value } : {}),
      };
      return { loss: loss.value, primary: "teacher_spearman", metrics, predictions: [] };
    },
  };
}

/** Rows of which the first values count. */
type Cut = { readonly rows: Rows; readonly size: number };
type Compared = { readonly student: Cut; readonly teacher: Cut };
type Place = readonly [from: Cut, row: number];

function squaredDistance({ student, teacher }: Compared, text: number): number {
  const [a, b]: [Place, Place] = [
    [student, text],
    [teacher, text],
  ];
  return dot(a, a) - 2 * dot(a, b) + dot(b, b);
}

/** Mean over all texts of the batch. */
function cosineDifferences({ student, teacher }: Compared, text: number): number {
  let sum = 0;
  for (let other = 0; other < student.rows.numRows; other++)
    sum += (cosine([student, text], [student, other]) - cosine([teacher, text], [teacher, other])) ** 2;
  return sum / student.rows.numRows;
}

function cosine(a: Place, b: Place): number {
  return dot(a, b) / Math.max(Math.sqrt(dot(a, a) * dot(b, b)), 1e-12);
}

/** The sizes are the same. */
function dot([a, rowOfA]: Place, [b, rowOfB]: Place): number {
  const [startOfA, startOfB] = [rowOfA * a.rows.numColumns, rowOfB * b.rows.numColumns];
  let sum = 0;
  for (let place = 0; place < a.size; place++) sum += a.rows.data[startOfA + place]! * b.rows.data[startOfB + place]!;
  return sum;
}
