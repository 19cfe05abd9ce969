/** @file The teacher of a job: a model whose vectors are learned, or a classifier whose logits are, and the hidden states of either. */
import { TrainingError } from "@stagecoach/training";
import type { DataSets } from "@stagecoach/training/node";
import {
  readEncoderModel,
  type EncoderModel,
  type HiddenDistillation,
  type Task,
  type TeacherLoss,
} from "@stagecoach/transformer";
import { contentFingerprint, jsonReader, resolveModel, type DownloadProgress } from "@stagecoach/transformer/node";
import type { AskOptions, Encoded } from "./teacherAnswers.ts";
import { findLogitTeacher } from "./teacherLogits.ts";
import { findTagTeacher } from "./teacherTags.ts";
import { findStateTeacher } from "./teacherStates.ts";
import type { StagedTeacher } from "./teacherStages.ts";
import { findVectorTeacher } from "./teacherVectors.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

export type FoundTeacher = StagedTeacher & {
  /** Of all that decides its answers. */
  readonly fingerprint: string;
};

/** A teacher that is known, and asked later: what is wrong with a job is found before hours are spent on its texts. */
export type Teaching = FoundTeacher & {
  /** null where its hidden states alone are learned. */
  readonly answers: VectorTeaching | LogitTeaching | null;
  /** null where its answers alone are. */
  readonly states: StateTeaching | null;
  readonly close: () => void;
};

type Asked = {
  /** Ask it for all texts. @throws what loading the teacher throws; TrainingError `disk_full`; the signal's reason */
  ask(data: DataSets, options: AskOptions): Promise<void>;
};

export type VectorTeaching = Asked & {
  readonly learned: "vectors";
  readonly loss: TeacherLoss;
  /** Whether the teacher's vectors have unit length. */
  readonly hasUnitLength: boolean;
  /** Of all texts of a file's examples one after another, in as many dimensions as the loss compares; there once it was asked. */
  vectorsOf(encoded: Encoded): Float32Array;
  /** What the student's folder gets, by file name; there once it was asked. */
  studentFiles(): Readonly<Record<string, Uint8Array>>;
};

export type LogitTeaching = Asked & {
  readonly learned: "logits";
  /** `[C]` of an example of a file, or `[M, C]` of its labelled tokens, in the order of the job's labels; there once it was asked. */
  logitsOf(encoded: Encoded, example: number): Float32Array;
};

export type StateTeaching = Asked & {
  readonly compared: Omit<HiddenDistillation, "weight">;
  /** `[rows, states of a token one after another]` of an example that is trained on; there once it was asked. */
  statesOf(encoded: Encoded, example: number): Float32Array;
  close(): void;
};

/** The model that training begins with. */
export type Student = { readonly folder: string; readonly model: EncoderModel };

export type FindTeacherOptions = {
  readonly student: Student;
  readonly data: DataSets;
  readonly onDownload: (progress: DownloadProgress) => void;
  readonly onWarning: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
};

/** @throws TrainingError for a task that has no teacher, and for a teacher that has not what the student is to learn; HubError */
export async function findTeacher(
  { teacher, hyperparameters }: Pick<TrainingSettings, "hyperparameters"> & Required<Pick<TrainingSettings, "teacher">>,
  options: FindTeacherOptions,
): Promise<Teaching> {
  const { data, onDownload, onWarning, signal } = options;
  const { model, revision } = teacher;
  const given = hyperparameters ?? {};
  const { distillation_hidden: loss } = given;
  expectTaught(data.task, loss !== undefined);
  const { folder } = await resolveModel(model, {
    revision,
    onProgress: onDownload,
    onWarning,
    ...(signal === undefined ? {} : { signal }),
  });
  const [own, fingerprint] = [await readEncoderModel(jsonReader(folder)), await contentFingerprint(folder)];
  const found = { folder, model: own, fingerprint };
  const answers = await findAnswers(found, teacher, options);
  const states = loss === undefined ? null : await findStateTeacher(found, options, { ...given, loss });
  return { ...found, answers, states, close: () => states?.close() };
}

/** @returns null for a task of which hidden states alone are learned */
function findAnswers(
  found: FoundTeacher,
  { match, weight }: NonNullable<TrainingSettings["teacher"]>,
  { student, data }: FindTeacherOptions,
): Promise<VectorTeaching | LogitTeaching | null> {
  const { task, labels } = data;
  if (task.name === "sentence-embedding")
    return findVectorTeacher(found, student, { match: match ?? "vectors", weight: weight ?? 1 });
  for (const [name, value] of Object.entries({ match, weight }))
    if (value !== undefined)
      throw wrong(
        `teacher ${name}: expected the task sentence-embedding, got ${task.name} (distillation alpha and temperature say it there)`,
      );
  if (task.name === "token-classification") return findTagTeacher(found, student, data);
  if (task.name !== "sequence-classification" || task.problemType === "regression") return Promise.resolve(null);
  return findLogitTeacher(found, task.problemType, labels);
}

const wrong = (message: string) => new TrainingError("training_option", message);

/** @param hasHidden - whether hidden states are learned @throws TrainingError for a task of which nothing can be */
function expectTaught(task: Task, hasHidden: boolean): void {
  const isRegression = task.name === "sequence-classification" && task.problemType === "regression";
  const always = ["sentence-embedding", "token-classification", "sequence-classification"].includes(task.name);
  if ((always && !isRegression) || (hasHidden && (isRegression || task.name === "masked-lm"))) return;
  const got = "problemType" in task ? task.problemType : task.name;
  const others = hasHidden ? "masked-lm" : "of hidden states alone masked-lm and regression";
  const expected = `the task sentence-embedding, token-classification, sequence-classification${hasHidden ? "" : " of labels"}, ${others}`;
  throw wrong(`teacher: expected ${expected}, got ${got}`);
}
