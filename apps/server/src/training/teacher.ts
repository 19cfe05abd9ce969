/** @file The teacher of a job: a model whose vectors are learned, or a classifier whose logits are. */
import { TrainingError } from "@stagecoach/training";
import type { DataSets } from "@stagecoach/training/node";
import type { ProblemType, SentenceModules, Task, TeacherLoss } from "@stagecoach/transformer";
import { resolveModel, type DownloadProgress } from "@stagecoach/transformer/node";
import type { AskOptions, Encoded } from "./teacherAnswers.ts";
import { findLogitTeacher } from "./teacherLogits.ts";
import { findTagTeacher } from "./teacherTags.ts";
import { findVectorTeacher } from "./teacherVectors.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

/** A teacher that is known, and asked later: what is wrong with a job is found before hours are spent on its texts. */
export type Teaching = VectorTeaching | LogitTeaching;

type AnyTeaching = {
  /** The teacher's folder on this machine. */
  readonly folder: string;
  /** Of all that decides its answers. */
  readonly fingerprint: string;
  /** Ask it for all texts. @throws what loading the teacher throws; TrainingError `disk_full`; the signal's reason */
  ask(data: DataSets, options: AskOptions): Promise<void>;
  /** What the student's folder gets, by file name; there once it was asked. */
  studentFiles(): Readonly<Record<string, Uint8Array>>;
};

export type VectorTeaching = AnyTeaching & {
  readonly learned: "vectors";
  readonly loss: TeacherLoss;
  /** Whether the teacher's vectors have unit length. */
  readonly hasUnitLength: boolean;
  /** Of all texts of a file's examples one after another, in as many dimensions as the loss compares; there once it was asked. */
  vectorsOf(encoded: Encoded): Float32Array;
};

export type LogitTeaching = AnyTeaching & {
  readonly learned: "logits";
  /** `[C]` of an example of a file, or `[M, C]` of its labelled tokens, in the order of the job's labels; there once it was asked. */
  logitsOf(encoded: Encoded, example: number): Float32Array;
};

/** The model that training begins with. */
export type Student = { readonly folder: string; readonly modules: SentenceModules };

export type FindTeacherOptions = {
  readonly student: Student;
  readonly data: DataSets;
  readonly onDownload: (progress: DownloadProgress) => void;
  readonly onWarning: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
};

/** @throws TrainingError for a task that has no teacher, and for a teacher that has not what the student is to learn; HubError */
export async function findTeacher(
  { model, revision, match, weight }: NonNullable<TrainingSettings["teacher"]>,
  { student, data, onDownload, onWarning, signal }: FindTeacherOptions,
): Promise<Teaching> {
  const { task } = data;
  if (!isTaught(task)) {
    const kind = "problemType" in task ? task.problemType : task.name;
    throw wrong(
      `teacher: expected the task sentence-embedding, token-classification, or sequence-classification of labels, got ${kind}`,
    );
  }
  const { folder } = await resolveModel(model, {
    revision,
    onProgress: onDownload,
    onWarning,
    ...(signal === undefined ? {} : { signal }),
  });
  if (task.name === "sentence-embedding")
    return findVectorTeacher(folder, student, { match: match ?? "vectors", weight: weight ?? 1 });
  for (const [name, value] of Object.entries({ match, weight }))
    if (value !== undefined)
      throw wrong(
        `teacher ${name}: expected the task sentence-embedding, got ${task.name} (distillation alpha and temperature say it there)`,
      );
  return task.name === "token-classification"
    ? findTagTeacher(folder, student, data)
    : findLogitTeacher(folder, task.problemType, data.labels);
}

const wrong = (message: string) => new TrainingError("training_option", message);

type TaughtTask =
  | Extract<Task, { readonly name: "sentence-embedding" | "token-classification" }>
  | (Extract<Task, { readonly name: "sequence-classification" }> & {
      readonly problemType: Exclude<ProblemType, "regression">;
    });

function isTaught(task: Task): task is TaughtTask {
  if (task.name === "sequence-classification") return task.problemType !== "regression";
  return task.name === "sentence-embedding" || task.name === "token-classification";
}
