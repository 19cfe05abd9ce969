/** @file How near a model's vectors are to its teacher's. */
import type { TeacherLoss } from "@stagecoach/transformer";
import { spearman } from "../correlation.ts";
import type { MetricAccumulator } from "./accumulator.ts";
import { RunningMean } from "../runningMean.ts";
import { dot, vectorAt } from "../vectors.ts";
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
      const student = rowsOf(outputs, "embeddings", evaluated.batch.lengths.length);
      const teacher = { ...student, numColumns: dimensions, data: targetOf(evaluated, "teacher_vectors") };
      const bySize = (sizes ?? [student.numColumns]).map((size) => ({
        student: vectorsOf(student, size),
        teacher: vectorsOf(teacher, name === "vectors" ? size : dimensions),
      }));
      const largest = bySize[0]!;
      const lossOf = name === "vectors" ? squaredDistance : cosineDifferences;
      for (let text = 0; text < student.numRows; text++) {
        if (text > 0) {
          own.push(cosine(largest.student, text - 1, text));
          given.push(cosine(largest.teacher, text - 1, text));
        }
        if (name === "vectors") agreement.add(dot(largest.student.unit[text]!, largest.teacher.unit[text]!));
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

/** Of all texts of a batch, as they are and with unit length. */
type Vectors = { readonly plain: readonly Float64Array[]; readonly unit: readonly Float64Array[] };
type Compared = { readonly student: Vectors; readonly teacher: Vectors };

function vectorsOf(rows: Rows, size: number): Vectors {
  const all = (hasUnitLength: boolean) =>
    Array.from({ length: rows.numRows }, (_, row) => vectorAt(rows, row, { size, hasUnitLength }));
  return { plain: all(false), unit: all(true) };
}

function squaredDistance({ student, teacher }: Compared, text: number): number {
  const other = teacher.plain[text]!;
  return student.plain[text]!.reduce((sum, value, place) => sum + (value - other[place]!) ** 2, 0);
}

/** Mean over all texts of the batch. */
function cosineDifferences({ student, teacher }: Compared, text: number): number {
  const differences = student.unit.map((_, other) => cosine(student, text, other) - cosine(teacher, text, other));
  return dot(differences, differences) / differences.length;
}

function cosine({ unit }: Vectors, a: number, b: number): number {
  return dot(unit[a]!, unit[b]!);
}
