/** @file The teacher of a job: a model whose vectors are learned, asked in this process, or a classifier whose logits are. */
import { joinFloat32 } from "@stagecoach/engine";
import { findBasis, inBasis, TrainingError, type VectorBasis } from "@stagecoach/training";
import { BASIS_FILE, encodeBasis, readBasis, type DataSets } from "@stagecoach/training/node";
import {
  normalizeInPlace,
  readEncoderModel,
  type SentenceModules,
  type Task,
  type TeacherLoss,
} from "@stagecoach/transformer";
import { jsonReader, contentFingerprint, resolveModel, type DownloadProgress } from "@stagecoach/transformer/node";
import { loadEncoder } from "../encoder/loadEncoder.ts";
import { askAll, type AskOptions, type Encoded, type OpenTeacher } from "./teacherAnswers.ts";
import { findLogitTeacher } from "./teacherLogits.ts";
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
  /** `[N, C]`, of all examples of a file, in the order of the job's labels; there once it was asked. */
  logitsOf(encoded: Encoded): Float32Array;
};

/** The model that training begins with. */
export type Student = { readonly folder: string; readonly modules: SentenceModules };

export type FindTeacherOptions = {
  readonly student: Student;
  /** Of the job's classes. */
  readonly labels: readonly string[];
  readonly onDownload: (progress: DownloadProgress) => void;
  readonly onWarning: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
};

/** @throws TrainingError for a task that has no teacher, and for a teacher that has not what the student is to learn; HubError */
export async function findTeacher(
  { model, revision, match, weight }: NonNullable<TrainingSettings["teacher"]>,
  task: Task,
  { student, labels, onDownload, onWarning, signal }: FindTeacherOptions,
): Promise<Teaching> {
  if (task.name !== "sentence-embedding" && !isOfOneLabel(task)) {
    const kind = "problemType" in task ? task.problemType : task.name;
    throw wrong(`teacher: expected the task sentence-embedding, or sequence-classification of one label, got ${kind}`);
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
  return findLogitTeacher(folder, labels);
}

const wrong = (message: string) => new TrainingError("training_option", message);

function isOfOneLabel(task: Task): boolean {
  return task.name === "sequence-classification" && task.problemType === "single_label_classification";
}

async function findVectorTeacher(
  folder: string,
  { folder: studentFolder, modules: student }: Student,
  { match, weight }: Required<Pick<NonNullable<TrainingSettings["teacher"]>, "match" | "weight">>,
): Promise<VectorTeaching> {
  const { dimensions: size, transforms } = (await readEncoderModel(jsonReader(folder))).modules;
  const isReduced = match === "vectors" && size !== student.dimensions;
  if (isReduced && size < student.dimensions)
    throw wrong(
      `teacher: expected vectors of at least the student's ${student.dimensions} values, got ${size} (match similarities instead)`,
    );
  const hasUnitLength = transforms.at(-1) === "normalize";
  const fingerprint = await contentFingerprint(folder);
  const sizes = { size, numDirections: student.dimensions };
  const known = isReduced ? await readBasis(studentFolder, { ...sizes, teacher: fingerprint }) : null;
  let basis: VectorBasis | null = known;
  let answers: ReadonlyMap<Encoded, Float32Array> = new Map();
  return {
    learned: "vectors",
    loss: { name: match, dimensions: isReduced ? student.dimensions : size, weight },
    hasUnitLength,
    folder,
    fingerprint,
    async ask(data, options) {
      const open = () => openEncoder(folder, options);
      const asked = await askAll(data, { ...options, open, size, fingerprint });
      if (isReduced) {
        const directions = known ?? findBasis(asked.get(data.train.encoded)!, size, student.dimensions);
        for (const [encoded, vectors] of asked) asked.set(encoded, inBasis(vectors, directions));
        basis = directions;
      }
      // A student of unit length can learn no other, and fewer dimensions are shorter.
      const isScaled = match === "vectors" && (hasUnitLength || student.transforms.at(-1) === "normalize");
      if (isScaled) for (const vectors of asked.values()) eachVector(vectors, student.dimensions, normalizeInPlace);
      answers = asked;
    },
    studentFiles(): Readonly<Record<string, Uint8Array>> {
      return basis === null ? {} : { [BASIS_FILE]: encodeBasis(basis, fingerprint) };
    },
    vectorsOf(encoded) {
      const vectors = answers.get(encoded);
      if (vectors === undefined) throw new Error("internal: a teacher's vectors before it was asked");
      return vectors;
    },
  };
}

function eachVector(vectors: Float32Array, size: number, act: (vector: Float32Array) => void): void {
  for (let start = 0; start < vectors.length; start += size) act(vectors.subarray(start, start + size));
}

async function openEncoder(folder: string, { engine, threads, signal }: AskOptions): Promise<OpenTeacher> {
  const stopping = signal === undefined ? {} : { signal };
  // A job that is made again learns the same bytes.
  const options = { engine, reproducible: true, ...(threads === undefined ? {} : { threads }), ...stopping };
  const teacher = await loadEncoder(folder, options);
  return {
    async answer(encoded, onDone) {
      // A text that occurs twice is asked once.
      const texts = [...new Set(encoded.texts)];
      const answered = await teacher.encode(texts, {
        onProgress: ({ done }) => onDone((done / texts.length) * encoded.texts.length),
        ...stopping,
      });
      const places = new Map(texts.map((text, place) => [text, place]));
      return joinFloat32(encoded.texts.map((text) => answered[places.get(text)!]!));
    },
    close: () => teacher.close(),
  };
}
