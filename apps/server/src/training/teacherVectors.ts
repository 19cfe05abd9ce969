/** @file A teacher of sentence vectors: any encoder, asked in this process for the vectors of the job's texts. */
import { joinFloat32 } from "@stagecoach/engine";
import { findBasis, inBasis, TrainingError, type VectorBasis } from "@stagecoach/training";
import { BASIS_FILE, encodeBasis, readBasis } from "@stagecoach/training/node";
import { normalizeInPlace } from "@stagecoach/transformer";
import { loadEncoder } from "../encoder/loadEncoder.ts";
import type { FoundTeacher, Student, VectorTeaching } from "./teacher.ts";
import { askAll, type AskOptions, type Encoded, type OpenTeacher } from "./teacherAnswers.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

const wrong = (message: string) => new TrainingError("training_option", message);

/** @param student - the model that training begins with @throws TrainingError for vectors that are too small */
export async function findVectorTeacher(
  { folder, model, fingerprint }: FoundTeacher,
  { folder: studentFolder, model: { modules: student } }: Student,
  { match, weight }: Required<Pick<NonNullable<TrainingSettings["teacher"]>, "match" | "weight">>,
): Promise<VectorTeaching> {
  const { dimensions: size, transforms } = model.modules;
  const isReduced = match === "vectors" && size !== student.dimensions;
  if (isReduced && size < student.dimensions)
    throw wrong(
      `teacher: expected vectors of at least the student's ${student.dimensions} values, got ${size} (match similarities instead)`,
    );
  const hasUnitLength = transforms.at(-1) === "normalize";
  const sizes = { size, numDirections: student.dimensions };
  const known = isReduced ? await readBasis(studentFolder, { ...sizes, teacher: fingerprint }) : null;
  let basis: VectorBasis | null = known;
  let answers: ReadonlyMap<Encoded, Float32Array> = new Map();
  return {
    learned: "vectors",
    loss: { name: match, dimensions: isReduced ? student.dimensions : size, weight },
    hasUnitLength,
    async ask(data, options) {
      const open = () => openEncoder(folder, options);
      const asked = await askAll(data, { ...options, open, by: "texts", size, fingerprint });
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
