/**
 * @file What a teacher says of a job's texts: asked once, before training, in this process; kept in the job's folder, so that a run
 * that goes on does not ask again.
 */
import { joinFloat32 } from "@stagecoach/engine";
import { findBasis, inBasis, TrainingError } from "@stagecoach/training";
import type { DataSets, ExampleSet } from "@stagecoach/training/node";
import {
  normalizeInPlace,
  readEncoderModel,
  type SentenceModules,
  type Task,
  type TeacherLoss,
} from "@stagecoach/transformer";
import {
  jsonReader,
  contentFingerprint,
  openSafetensors,
  resolveModel,
  writeSafetensors,
  type DownloadProgress,
} from "@stagecoach/transformer/node";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { loadEncoder, type Encoder } from "../encoder/loadEncoder.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

/** A teacher that is known, and asked later: what is wrong with a job is found before hours are spent on its texts. */
export type Teaching = {
  readonly loss: TeacherLoss;
  /** Whether the teacher's vectors have unit length. */
  readonly hasUnitLength: boolean;
  /** The teacher's folder on this machine. */
  readonly folder: string;
  /** Of all that decides its vectors. */
  readonly fingerprint: string;
  /** Ask it for all texts. @throws what loading the teacher throws; TrainingError `disk_full`; the signal's reason */
  ask(data: DataSets, options: AskOptions): Promise<void>;
  /** Of all texts of a file's examples one after another, in as many dimensions as the loss compares; there once it was asked. */
  vectorsOf(encoded: Encoded): Float32Array;
};

export type AskOptions = {
  /** Where vectors are kept. */
  readonly folder: string;
  readonly engine: TrainingSettings["engine"];
  readonly threads: number | undefined;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal | undefined;
};

type Encoded = ExampleSet["encoded"];

export type FindTeacherOptions = {
  readonly student: SentenceModules;
  readonly onDownload: (progress: DownloadProgress) => void;
  readonly onWarning: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
};

/** @throws TrainingError for a task that has no teacher, and for a teacher whose vectors are smaller than the student's; HubError */
export async function findTeacher(
  { model, match, weight }: NonNullable<TrainingSettings["teacher"]>,
  task: Task,
  { student, onDownload, onWarning, signal }: FindTeacherOptions,
): Promise<Teaching> {
  if (task.name !== "sentence-embedding")
    throw new TrainingError("training_option", `teacher: expected the task sentence-embedding, got ${task.name}`);
  const { folder } = await resolveModel(model, {
    onProgress: onDownload,
    onWarning,
    ...(signal === undefined ? {} : { signal }),
  });
  const { dimensions: size, transforms } = (await readEncoderModel(jsonReader(folder))).modules;
  const isReduced = match === "vectors" && size !== student.dimensions;
  if (isReduced && size < student.dimensions) {
    const message = `teacher: expected vectors of at least the student's ${student.dimensions} values, got ${size} (match similarities instead)`;
    throw new TrainingError("training_option", message);
  }
  const hasUnitLength = transforms.at(-1) === "normalize";
  const fingerprint = await contentFingerprint(folder);
  let answers: ReadonlyMap<Encoded, Float32Array> = new Map();
  return {
    loss: { name: match, dimensions: isReduced ? student.dimensions : size, weight },
    hasUnitLength,
    folder,
    fingerprint,
    async ask({ train, validation, test }, options) {
      const files = [train, validation, test].flatMap((set) => (set === undefined ? [] : [set.encoded]));
      const asked = await askAll([...new Set(files)], { ...options, model: folder, size, fingerprint });
      if (isReduced) {
        const basis = findBasis(asked.get(train.encoded)!, size, student.dimensions);
        for (const [encoded, vectors] of asked) asked.set(encoded, inBasis(vectors, basis));
      }
      // A student of unit length can learn no other, and fewer dimensions are shorter.
      const isScaled = match === "vectors" && (hasUnitLength || student.transforms.at(-1) === "normalize");
      if (isScaled) for (const vectors of asked.values()) eachVector(vectors, student.dimensions, normalizeInPlace);
      answers = asked;
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

type Asking = AskOptions & { readonly model: string; readonly size: number; readonly fingerprint: string };

/** The teacher is loaded when a file's vectors are not kept yet. */
async function askAll(files: readonly Encoded[], asking: Asking): Promise<Map<Encoded, Float32Array>> {
  const { model, size, engine, threads, onProgress, signal } = asking;
  const answers = new Map<Encoded, Float32Array>();
  const total = files.reduce((sum, { texts }) => sum + texts.length, 0);
  const stopping = signal === undefined ? {} : { signal };
  let teacher: Encoder | null = null;
  let done = 0;
  try {
    for (const encoded of files) {
      const path = join(asking.folder, `${digestOf(encoded.texts, asking.fingerprint)}.safetensors`);
      let vectors = await readKept(path);
      if (vectors === null) {
        teacher ??= await loadEncoder(model, { engine, ...(threads === undefined ? {} : { threads }), ...stopping });
        const before = done;
        // A text that occurs twice is asked once.
        const texts = [...new Set(encoded.texts)];
        const answered = await teacher.encode(texts, {
          onProgress: (progress) =>
            onProgress({ done: before + (progress.done / texts.length) * encoded.texts.length, total }),
          ...stopping,
        });
        const places = new Map(texts.map((text, place) => [text, place]));
        vectors = joinFloat32(encoded.texts.map((text) => answered[places.get(text)!]!));
        await keep(path, vectors, size);
      }
      answers.set(encoded, vectors);
      done += encoded.texts.length;
      onProgress({ done, total });
    }
  } finally {
    await teacher?.close();
  }
  return answers;
}

const VECTORS = "vectors";

/** @returns null where there are none */
async function readKept(path: string): Promise<Float32Array | null> {
  if (!existsSync(path)) return null;
  await using kept = await openSafetensors(path);
  return await kept.readFloat32(VECTORS);
}

/** Appears as a whole. */
async function keep(path: string, data: Float32Array, size: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeSafetensors(path, new Map([[VECTORS, { dtype: "F32", shape: [data.length / size, size], data }]]));
}

function digestOf(texts: readonly string[], fingerprint: string): string {
  const hash = createHash("sha256").update(fingerprint);
  for (const text of texts) hash.update(`${text.length}:${text}`);
  return hash.digest("hex").slice(0, 16);
}
