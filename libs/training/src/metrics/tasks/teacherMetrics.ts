/** @file How near a model's vectors are to its teacher's. */
import type { TeacherLoss } from "@stagecoach/transformer";
import { spearman } from "../correlation.ts";
import type { MetricAccumulator } from "./accumulator.ts";
import { RunningMean } from "../runningMean.ts";
import { rowsOf, targetOf, type Rows } from "./rows.ts";

/**
 * teacher_spearman: rank correlation of the cosines that both give to neighbouring texts of the evaluation. teacher_cosine, where
 * vectors are to be the teacher's: mean cosine of the two vectors of a text. loss: that of training, within each evaluation batch.
 */
export function teacherMetrics({ name, dimensions, weight }: TeacherLoss): MetricAccumulator {
  const loss = new RunningMean();
  const agreement = new RunningMean();
  const [own, given]: [number[], number[]] = [[], []];
  return {
    primary: "teacher_spearman",
    add(evaluated, outputs) {
      const student = rowsOf(outputs, "embeddings", evaluated.batch.lengths.length);
      const data = targetOf(evaluated, "teacher_vectors");
      const teacher: Rows = { numRows: student.numRows, numColumns: dimensions, data };
      for (let text = 0; text < student.numRows; text++) {
        if (text > 0) {
          own.push(cosine(student, text - 1, text));
          given.push(cosine(teacher, text - 1, text));
        }
        if (name === "vectors") {
          loss.add(weight * squaredDistance(student, teacher, text));
          agreement.add(cosineOfTwo(student, teacher, text));
        } else {
          for (let other = 0; other < student.numRows; other++)
            loss.add(weight * (cosine(student, text, other) - cosine(teacher, text, other)) ** 2);
        }
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

const cosine = (rows: Rows, a: number, b: number) => cosineBetween([rows, a], [rows, b]);
const cosineOfTwo = (a: Rows, b: Rows, row: number) => cosineBetween([a, row], [b, row]);

type Place = readonly [rows: Rows, row: number];

function cosineBetween(a: Place, b: Place): number {
  return dot(a, b) / Math.max(Math.sqrt(dot(a, a) * dot(b, b)), 1e-12);
}

function dot([a, rowOfA]: Place, [b, rowOfB]: Place): number {
  const [startOfA, startOfB] = [rowOfA * a.numColumns, rowOfB * b.numColumns];
  let sum = 0;
  for (let column = 0; column < a.numColumns; column++) sum += a.data[startOfA + column]! * b.data[startOfB + column]!;
  return sum;
}

function squaredDistance(a: Rows, b: Rows, row: number): number {
  return dot([a, row], [a, row]) - 2 * dot([a, row], [b, row]) + dot([b, row], [b, row]);
}
