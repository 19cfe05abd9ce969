/** @file A teacher of classes: a classifier with the job's labels, whose logits are computed in stages as a job trains in them. */
import { BatchedDataSet, encodeExamples, TrainingError, type RowSource } from "@stagecoach/training";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { readEncoderModel, readLabels, readTask, type EncoderModel, type Task } from "@stagecoach/transformer";
import { contentFingerprint, jsonReader } from "@stagecoach/transformer/node";
import { threadsEach } from "../config/threadsEach.ts";
import { evaluationSettings } from "./evaluationSettings.ts";
import type { PipelineRequest } from "./pipelineRequest.ts";
import type { LogitTeaching } from "./teacher.ts";
import { askAll, type AskOptions, type Encoded, type OpenTeacher } from "./teacherAnswers.ts";
import { whileStagesLast } from "./whileStagesLast.ts";

type Classification = Extract<Task, { readonly name: "sequence-classification" }>;
type Classifier = { readonly folder: string; readonly model: EncoderModel; readonly task: Classification };

const BATCH = 32;

/**
 * @param folder - the teacher's
 * @param labels - the job's, in order
 * @throws TrainingError for a teacher that is no classifier of one label, or has other labels
 */
export async function findLogitTeacher(folder: string, labels: readonly string[]): Promise<LogitTeaching> {
  const json = jsonReader(folder);
  const config = await json("config.json");
  const task = readTask(config);
  if (task?.name !== "sequence-classification" || task.problemType !== "single_label_classification") {
    const found = task === null ? "a model without a head" : "problemType" in task ? task.problemType : task.name;
    throw wrong(`expected a classifier of one label per text, got ${found}`);
  }
  const own = readLabels(config);
  const columns = labels.map((label) => own.indexOf(label));
  if (own.length !== labels.length || columns.includes(-1))
    throw wrong(`expected the labels ${shown(labels)}, got ${shown(own)} (the job's labels can be given)`);
  const classifier = { folder, model: await readEncoderModel(json), task };
  const fingerprint = await contentFingerprint(folder);
  let answers: ReadonlyMap<Encoded, Float32Array> = new Map();
  return {
    learned: "logits",
    folder,
    fingerprint,
    async ask(data, options) {
      const open = () => openClassifier(classifier, options);
      const asked = await askAll(data, { ...options, open, size: own.length, fingerprint });
      answers = new Map([...asked].map(([encoded, logits]) => [encoded, inOrder(logits, columns)]));
    },
    studentFiles: () => ({}),
    logitsOf(encoded) {
      const logits = answers.get(encoded);
      if (logits === undefined) throw new Error("internal: a teacher's logits before it was asked");
      return logits;
    },
  };
}

const wrong = (message: string) => new TrainingError("training_option", `teacher: ${message}`);

const shown = (labels: readonly string[]): string =>
  labels.length <= 10 ? labels.join(", ") : `${labels.slice(0, 10).join(", ")}, ... (${labels.length})`;

/** `[N, C]` with the columns in another order. */
function inOrder(logits: Float32Array, columns: readonly number[]): Float32Array {
  const C = columns.length;
  return logits.map((_, at) => logits[at - (at % C) + columns[at % C]!]!);
}

async function openClassifier({ folder, model, task }: Classifier, options: AskOptions): Promise<OpenTeacher> {
  const { engine, threads = threadsEach(options.numStages), openPipeline, signal } = options;
  const tokenizer = await loadTokenizer(folder, { lowerCase: model.modules.lowerCase });
  return {
    async answer(given, onDone) {
      const encoded = await encodeExamples(rowsOf(given), {
        tokenizer,
        task: "sequence-classification",
        labels: ["0", "1"],
        problemType: "single_label_classification",
        modelMaxLength: model.config.maxLength,
      });
      const numExamples = encoded.store.size;
      const evaluationBatchSize = Math.min(BATCH, numExamples);
      const data = new BatchedDataSet(encoded, { seed: 0, task, batchSize: 1, evaluationBatchSize });
      const logits = new Float32Array(numExamples * task.numLabels);
      const request: PipelineRequest = {
        folder,
        settings: evaluationSettings(task),
        // A weight that all layers share keeps them in one stage.
        numStages: model.family.relativeBiasName === null ? Math.min(options.numStages, model.config.numLayers) : 1,
        engine,
        threads,
        schedule: "1f1b",
        maxMicroBatchTokens: evaluationBatchSize * encoded.report.longest,
      };
      try {
        await whileStagesLast(openPipeline, request, async (pipeline) => {
          let done = 0;
          for (const { batch, examples } of data.evaluationBatches()) {
            signal?.throwIfAborted();
            const rows = (await pipeline.evaluate(batch))["logits"]!.data as Float32Array;
            examples.forEach((example, row) =>
              logits.set(rows.subarray(row * task.numLabels, (row + 1) * task.numLabels), example * task.numLabels),
            );
            done += examples.length;
            onDone((done / numExamples) * given.texts.length);
          }
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

/** The examples' texts for a tokenizer of another model; their labels say nothing. */
function rowsOf({ texts, store, report }: Encoded): RowSource {
  const width = texts.length / store.size;
  return {
    name: report.file,
    isTyped: true,
    async *read() {
      for (let example = 0; example < store.size; example++) {
        const [text, text_pair] = texts.slice(example * width, (example + 1) * width);
        const label = String(example % 2);
        yield [{ line: undefined, values: { text, label, ...(text_pair === undefined ? {} : { text_pair }) } }];
      }
    },
  };
}
