/**
 * @file What a teacher says of the texts of a job's files: asked once, before training, and kept in the job's folder, so that a run that
 * goes on does not ask again.
 */
import type { StoredExample } from "@stagecoach/training";
import type { DataSets, ExampleSet } from "@stagecoach/training/node";
import { openSafetensors, writeSafetensors } from "@stagecoach/transformer/node";
import { createHash, type Hash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { OpenPipeline, PipelineRequest } from "./pipelineRequest.ts";

export type Encoded = ExampleSet["encoded"];

export type AskOptions = Pick<PipelineRequest, "engine" | "numStages"> & {
  /** Where answers are kept. */
  readonly folder: string;
  readonly threads: number | undefined;
  /** For a teacher with a head, which answers in stages as a job trains in them. */
  readonly openPipeline: OpenPipeline;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal | undefined;
};

/** A teacher that is open. */
export type OpenTeacher = {
  /** `[N, size]`: one row for each text of a file's examples, for each example, or for each labelled token. @param onDone - told how many of what it is asked by are done */
  readonly answer: (encoded: Encoded, onDone: (count: number) => void) => Promise<Float32Array>;
  readonly close: () => Promise<void>;
};

type Asking = Pick<AskOptions, "folder" | "onProgress"> & {
  /** Called when a file's answers are not kept yet. */
  readonly open: () => Promise<OpenTeacher>;
  /** What it is asked by: texts as they are written, or examples as the student's tokenizer has cut them. */
  readonly by: "texts" | "examples";
  /** Values of a row. */
  readonly size: number;
  /** Of all that decides the answers besides the texts. */
  readonly fingerprint: string;
};

export async function askAll(
  { train, validation, test }: DataSets,
  asking: Asking,
): Promise<Map<Encoded, Float32Array>> {
  const all = [train, validation, test].flatMap((set) => (set === undefined ? [] : [set.encoded]));
  const files = [...new Set(all)];
  const answers = new Map<Encoded, Float32Array>();
  const countOf = ({ texts, store }: Encoded) => (asking.by === "texts" ? texts.length : store.size);
  const total = files.reduce((sum, encoded) => sum + countOf(encoded), 0);
  let teacher: OpenTeacher | null = null;
  let done = 0;
  try {
    for (const encoded of files) {
      const path = join(asking.folder, `${digestOf(encoded, asking)}.safetensors`);
      let rows = await readKept(path);
      if (rows === null) {
        teacher ??= await asking.open();
        const before = done;
        rows = await teacher.answer(encoded, (count) => asking.onProgress({ done: before + count, total }));
        await keep(path, rows, asking.size);
      }
      answers.set(encoded, rows);
      done += countOf(encoded);
      asking.onProgress({ done, total });
    }
  } finally {
    await teacher?.close();
  }
  return answers;
}

/** The name that the tensor has in kept files, whatever it is. */
const ANSWERS = "vectors";

/** @returns null where there are none */
async function readKept(path: string): Promise<Float32Array | null> {
  if (!existsSync(path)) return null;
  await using kept = await openSafetensors(path);
  return await kept.readFloat32(ANSWERS);
}

/** Appears as a whole. */
async function keep(path: string, data: Float32Array, size: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeSafetensors(path, new Map([[ANSWERS, { dtype: "F32", shape: [data.length / size, size], data }]]));
}

function digestOf({ texts, store }: Encoded, { by, fingerprint }: Pick<Asking, "by" | "fingerprint">): string {
  const hash = createHash("sha256").update(fingerprint);
  if (by === "texts") for (const text of texts) hash.update(`${text.length}:${text}`);
  else for (let example = 0; example < store.size; example++) hashExample(hash, store.get(example));
  return hash.digest("hex").slice(0, 16);
}

export function hashExample(hash: Hash, { ids, firstSegment, target }: StoredExample): void {
  hash.update(`${ids.length} ${firstSegment} ${target.length}:`).update(ids).update(target);
}
