/**
 * @file What a teacher says of a job's texts: asked once, before training, in this process; kept in the job's folder, so that a run
 * that goes on does not ask again.
 */
import { findBasis, inBasis, TrainingError } from "@stagecoach/training";
import type { DataSets, ExampleSet } from "@stagecoach/training/node";
import { normalizeInPlace, readEncoderModel, type TeacherLoss } from "@stagecoach/transformer";
import {
  jsonReader,
  layoutFingerprint,
  openSafetensors,
  resolveModel,
  writeSafetensors,
} from "@stagecoach/transformer/node";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { loadEncoder, type Encoder } from "../encoder/loadEncoder.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

export type Teaching = {
  readonly loss: TeacherLoss;
  /** Of all texts of a file's examples one after another, in as many dimensions as the loss compares. */
  vectorsOf(encoded: ExampleSet["encoded"]): Float32Array;
  /** Whether the teacher's vectors have unit length. */
  readonly hasUnitLength: boolean;
  /** The teacher's folder on this machine. */
  readonly folder: string;
  /** Of the teacher's model. */
  readonly fingerprint: string;
};

export type TeacherOptions = {
  /** The student's. */
  readonly dimensions: number;
  /** Where vectors are kept. */
  readonly folder: string;
  readonly engine: TrainingSettings["engine"];
  readonly threads: number | undefined;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal | undefined;
};

/**
 * @throws TrainingError for a task that has no teacher, for a teacher whose vectors are smaller than the student's, and
 *   `disk_full`; what loading the teacher throws
 */
export async function consultTeacher(
  { model, match, weight }: NonNullable<TrainingSettings["teacher"]>,
  data: DataSets,
  options: TeacherOptions,
): Promise<Teaching> {
  if (data.task.name !== "sentence-embedding")
    throw new TrainingError("training_option", `teacher: expected the task sentence-embedding, got ${data.task.name}`);
  const { signal } = options;
  const { folder } = await resolveModel(model, signal === undefined ? {} : { signal });
  const { dimensions: size, transforms } = (await readEncoderModel(jsonReader(folder))).modules;
  const hasUnitLength = transforms.at(-1) === "normalize";
  const isReduced = match === "vectors" && size !== options.dimensions;
  if (isReduced && size < options.dimensions) {
    const message = `teacher: expected vectors of at least the student's ${options.dimensions} values, got ${size} (match similarities instead)`;
    throw new TrainingError("training_option", message);
  }
  const fingerprint = await layoutFingerprint(folder);
  const files = [data.train, data.validation, data.test].flatMap((set) => (set === undefined ? [] : [set.encoded]));
  const asked = await askAll([...new Set(files)], { ...options, model: folder, size, fingerprint });
  if (isReduced) {
    const basis = findBasis(asked.get(data.train.encoded)!, size, options.dimensions);
    for (const [encoded, vectors] of asked) {
      const reduced = inBasis(vectors, basis);
      if (hasUnitLength) eachVector(reduced, options.dimensions, normalizeInPlace);
      asked.set(encoded, reduced);
    }
  }
  return {
    loss: { name: match, dimensions: isReduced ? options.dimensions : size, weight },
    vectorsOf: (encoded) => asked.get(encoded)!,
    hasUnitLength,
    folder,
    fingerprint,
  };
}

function eachVector(vectors: Float32Array, size: number, act: (vector: Float32Array) => void): void {
  for (let start = 0; start < vectors.length; start += size) act(vectors.subarray(start, start + size));
}

type Asking = TeacherOptions & { readonly model: string; readonly size: number; readonly fingerprint: string };
type Encoded = ExampleSet["encoded"];

/** The teacher is loaded when a file's vectors are not kept yet. */
async function askAll(files: readonly Encoded[], asking: Asking): Promise<Map<Encoded, Float32Array>> {
  const { model, size, engine, threads, onProgress, signal } = asking;
  const answers = new Map<Encoded, Float32Array>();
  const total = files.reduce((sum, { texts }) => sum + texts.length, 0);
  let teacher: Encoder | null = null;
  let done = 0;
  try {
    for (const encoded of files) {
      const path = join(asking.folder, `${digestOf(encoded.texts, asking.fingerprint)}.safetensors`);
      if (!existsSync(path)) {
        teacher ??= await loadEncoder(model, {
          engine,
          ...(threads === undefined ? {} : { threads }),
          ...(signal === undefined ? {} : { signal }),
        });
        const before = done;
        const vectors = await teacher.encode(encoded.texts, {
          onProgress: (progress) => onProgress({ done: before + progress.done, total }),
          ...(signal === undefined ? {} : { signal }),
        });
        await keep(path, vectors, size);
      }
      await using kept = await openSafetensors(path);
      answers.set(encoded, await kept.readFloat32(VECTORS));
      done += encoded.texts.length;
      onProgress({ done, total });
    }
  } finally {
    await teacher?.close();
  }
  return answers;
}

const VECTORS = "vectors";

async function keep(path: string, vectors: readonly Float32Array[], size: number): Promise<void> {
  const data = new Float32Array(vectors.length * size);
  vectors.forEach((vector, index) => data.set(vector, index * size));
  const shape = [vectors.length, size];
  await mkdir(dirname(path), { recursive: true });
  await writeSafetensors(
    `${path}.tmp`,
    new Map([[VECTORS, { dtype: "F32", shape, data: () => Promise.resolve(data) }]]),
  );
  await rename(`${path}.tmp`, path);
}

function digestOf(texts: readonly string[], fingerprint: string): string {
  const hash = createHash("sha256").update(fingerprint);
  for (const text of texts) hash.update(`${text.length}:${text}`);
  return hash.digest("hex").slice(0, 16);
}
