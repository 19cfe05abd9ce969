/** @file A teacher of tokens' classes: a tagger with the job's labels and the student's tokens, whose logits are computed in stages. */
import type { EvaluationBatch } from "@stagecoach/training";
import type { DataSets } from "@stagecoach/training/node";
import type { Task } from "@stagecoach/transformer";
import { evaluationSettings } from "./evaluationSettings.ts";
import { expectSameTokens } from "./sameTokens.ts";
import type { FoundTeacher, LogitTeaching, Student } from "./teacher.ts";
import { askAll, type AskOptions, type Encoded, type OpenTeacher } from "./teacherAnswers.ts";
import { inOrder, readClassifier, type ClassifierOf } from "./teacherLabels.ts";
import { askInStages } from "./teacherStages.ts";

type Tagging = Extract<Task, { readonly name: "token-classification" }>;

/**
 * @throws TrainingError for a teacher that is no tagger, has other labels, or other tokens than the student
 */
export async function findTagTeacher(teacher: FoundTeacher, student: Student, sets: DataSets): Promise<LogitTeaching> {
  const tagger = await readClassifier(teacher, sets.labels, {
    expected: "a token-classification model",
    is: (task): task is Tagging => task.name === "token-classification",
  });
  const { columns } = tagger;
  await expectSameTokens(tagger, student, { what: "logits", longest: longestOf(sets) });
  const answers = new Map<Encoded, { readonly logits: Float32Array; readonly rows: readonly number[] }>();
  return {
    learned: "logits",
    async ask(data, options) {
      const open = () => openTagger(tagger, options);
      const asked = await askAll(data, {
        ...options,
        open,
        by: "examples",
        size: columns.length,
        fingerprint: teacher.fingerprint,
      });
      for (const [encoded, logits] of asked)
        answers.set(encoded, { logits: inOrder(logits, columns), rows: firstRows(encoded) });
    },
    logitsOf(encoded, example) {
      const known = answers.get(encoded);
      if (known === undefined) throw new Error("internal: a teacher's logits before it was asked");
      const [start, end] = [known.rows[example]!, known.rows[example + 1]!];
      return known.logits.subarray(start * columns.length, end * columns.length);
    },
  };
}

function longestOf({ train, validation, test }: DataSets): number {
  return Math.max(...[train, validation, test].map((set) => set?.encoded.report.longest ?? 0));
}

/** Number of the first labelled token of each example among those of all, and behind the last example their number. */
function firstRows({ store }: Encoded): readonly number[] {
  const rows = [0];
  for (let example = 0; example < store.size; example++)
    rows.push(rows[example]! + store.get(example).target.length / 2);
  return rows;
}

function openTagger(tagger: ClassifierOf<Tagging>, options: AskOptions): Promise<OpenTeacher> {
  const { task } = tagger;
  const { numLabels: C } = task;
  return Promise.resolve({
    async answer(encoded, onDone) {
      const rows = firstRows(encoded);
      const logits = new Float32Array(rows.at(-1)! * C);
      const question = { settings: evaluationSettings(task), encoded, task };
      await askInStages(tagger, question, {
        ...options,
        take(asked, outputs, numDone) {
          keepLabelled(logits, asked, { all: outputs["logits"]!.data as Float32Array, C, rows });
          onDone(numDone);
        },
      });
      return logits;
    },
    close: () => Promise.resolve(),
  });
}

/** Of each example of a batch the logits of its labelled tokens, to where `rows` says that they begin. */
function keepLabelled(
  logits: Float32Array,
  { batch, examples }: EvaluationBatch,
  { all, C, rows }: { readonly all: Float32Array; readonly C: number; readonly rows: readonly number[] },
): void {
  const labelled = batch.targets["label_rows"]!.data;
  let [next, end] = [0, 0];
  for (const [text, example] of examples.entries()) {
    end += batch.lengths[text]!;
    for (let row = rows[example]!; next < labelled.length && labelled[next]! < end; row++, next++)
      logits.set(all.subarray(labelled[next]! * C, (labelled[next]! + 1) * C), row * C);
  }
}
