/** @file A teacher of texts' classes: a classifier with the job's labels and a tokenizer of its own, whose logits are computed in stages. */
import { encodeExamples, type RowSource } from "@stagecoach/training";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import type { ProblemType, Task } from "@stagecoach/transformer";
import { setImmediate } from "node:timers/promises";
import { evaluationSettings } from "./evaluationSettings.ts";
import type { FoundTeacher, LogitTeaching } from "./teacher.ts";
import { askAll, type AskOptions, type Encoded, type OpenTeacher } from "./teacherAnswers.ts";
import { inOrder, readClassifier, type ClassifierOf } from "./teacherLabels.ts";
import { askInStages } from "./teacherStages.ts";

type Classification = Extract<Task, { readonly name: "sequence-classification" }>;
type Classifier = ClassifierOf<Classification>;

const kinds: Readonly<Record<Exclude<ProblemType, "regression">, string>> = {
  single_label_classification: "one label per text",
  multi_label_classification: "any number of labels per text",
};

/**
 * @param labels - the job's, in order
 * @throws TrainingError for a teacher that is no classifier of the job's kind, or has other labels
 */
export async function findLogitTeacher(
  teacher: FoundTeacher,
  problemType: Exclude<ProblemType, "regression">,
  labels: readonly string[],
): Promise<LogitTeaching> {
  const classifier = await readClassifier(teacher, labels, {
    expected: `a classifier of ${kinds[problemType]}`,
    is: (task): task is Classification => task.name === "sequence-classification" && task.problemType === problemType,
  });
  const { columns } = classifier;
  let answers: ReadonlyMap<Encoded, Float32Array> = new Map();
  return {
    learned: "logits",
    async ask(data, options) {
      const open = () => openClassifier(classifier, options);
      const asked = await askAll(data, {
        ...options,
        open,
        by: "texts",
        size: columns.length,
        fingerprint: teacher.fingerprint,
      });
      answers = new Map([...asked].map(([encoded, logits]) => [encoded, inOrder(logits, columns)]));
    },
    logitsOf(encoded, example) {
      const logits = answers.get(encoded);
      if (logits === undefined) throw new Error("internal: a teacher's logits before it was asked");
      const C = columns.length;
      return logits.subarray(example * C, (example + 1) * C);
    },
  };
}

async function openClassifier(classifier: Classifier, options: AskOptions): Promise<OpenTeacher> {
  const { folder, model, task } = classifier;
  const tokenizer = await loadTokenizer(folder, { lowerCase: model.modules.lowerCase });
  return {
    async answer(given, onDone) {
      const encoded = await encodeExamples(rowsOf(given, options.signal), {
        tokenizer,
        task: "sequence-classification",
        labels: ["0", "1"],
        problemType: "single_label_classification",
        modelMaxLength: model.config.maxLength,
      });
      const { numLabels: C } = task;
      const numExamples = encoded.store.size;
      const logits = new Float32Array(numExamples * C);
      const question = { settings: evaluationSettings(task), encoded, task };
      try {
        await askInStages(classifier, question, {
          ...options,
          take({ examples }, outputs, numDone) {
            const rows = outputs["logits"]!.data as Float32Array;
            examples.forEach((example, row) => logits.set(rows.subarray(row * C, (row + 1) * C), example * C));
            onDone((numDone / numExamples) * given.texts.length);
          },
        });
      } finally {
        encoded.store.close();
        encoded.questions.close();
      }
      return logits;
    },
    close: () => Promise.resolve(),
  };
}

/** Texts that are tokenized before a job hears again that it is to stop. */
const PORTION = 256;

/** The examples' texts for a tokenizer of another model; their labels say nothing. Reading ends with the signal's reason. */
function rowsOf({ texts, store, report }: Encoded, signal: AbortSignal | undefined): RowSource {
  const width = texts.length / store.size;
  return {
    name: report.file,
    isTyped: true,
    async *read() {
      for (let start = 0; start < store.size; start += PORTION) {
        await setImmediate();
        signal?.throwIfAborted();
        const length = Math.min(PORTION, store.size - start);
        yield Array.from({ length }, (_, row) => {
          const example = start + row;
          const [text, text_pair] = texts.slice(example * width, (example + 1) * width);
          const label = String(example % 2);
          return { line: undefined, values: { text, label, ...(text_pair === undefined ? {} : { text_pair }) } };
        });
      }
    },
  };
}
