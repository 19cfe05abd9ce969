/**
 * @file What a data folder remembers of the models it has served: under a name always the same vectors.
 *
 * Vectors of two models do not compare. Whoever has stored some under a name must not get others under it after a restart, so
 * the folder keeps a fingerprint of every model that it has served, and refuses another one under the same name unless told.
 */
import { contentFingerprint } from "@stagecoach/transformer/node";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { modelFiles } from "../models/modelFiles.ts";

/** The data folder cannot be used: it is no folder, it may not be written, or its record is damaged. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
  readonly code = "data_folder_unusable";
}

/** Another model was served under this name before. */
export class ServedModelError extends Error {
  override readonly name = "ServedModelError";
  readonly code = "served_model_changed";
}

const recordSchema = z.object({
  fingerprint: z.string(),
  id: z.string(),
  revision: z.string().nullable(),
  dimensions: z.int(),
  pooling: z.array(z.string()),
  firstServed: z.string(),
  /** Lets an unchanged model be recognised without reading its weights again. */
  files: z.array(z.object({ path: z.string(), bytes: z.int(), modifiedMs: z.number() })).default([]),
});
const fileSchema = z.record(z.string(), recordSchema);
type ServedRecord = z.output<typeof recordSchema>;

export type ServedModelFacts = {
  readonly name: string;
  readonly id: string;
  readonly folder: string;
  readonly revision: string | null;
  readonly dimensions: number;
  readonly pooling: readonly string[];
};

const FILE = "served-models.json";

/**
 * Compare the model with what the folder remembers under its name, and remember it.
 *
 * @param options.replace - accept another model under the same name from now on
 * @throws ServedModelError
 */
export async function rememberServedModel(
  dataDir: string,
  facts: ServedModelFacts,
  options: { readonly replace: boolean },
): Promise<void> {
  const path = join(dataDir, FILE);
  const known = await usable(dataDir, async () => {
    await mkdir(dataDir, { recursive: true });
    return readRecords(path);
  });
  const before = Object.hasOwn(known, facts.name) ? known[facts.name] : undefined;
  const files = await modelFiles(facts.folder);
  const isUnchanged = before !== undefined && JSON.stringify(before.files) === JSON.stringify(files);
  const fingerprint = isUnchanged ? before.fingerprint : await contentFingerprint(facts.folder);
  const differs =
    before !== undefined && (before.fingerprint !== fingerprint || before.pooling.join() !== facts.pooling.join());
  if (differs && !options.replace) {
    throw new ServedModelError(
      `the data folder ${dataDir} has served other vectors under the name "${facts.name}" (model ${before.id}, since ${before.firstServed}); ` +
        `vectors of two models do not compare: give this one another name (--served-model-name), another data folder (--data-dir), ` +
        `or say that stored vectors are to be forgotten (--replace-model)`,
    );
  }
  const firstServed = before !== undefined && !differs ? before.firstServed : new Date().toISOString();
  const { name, id, revision, dimensions, pooling } = facts;
  const record = { fingerprint, id, revision, dimensions, pooling: [...pooling], firstServed, files };
  await usable(dataDir, () => writeRecords(path, { ...known, [name]: record }));
}

/** What the file system says of the data folder, as a message for the person who chose it. */
async function usable<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
    throw new DataFolderError(
      `the data folder ${dataDir} cannot be used: ${cause.message} (choose another with --data-dir)`,
      { cause },
    );
  }
}

async function readRecords(path: string): Promise<Record<string, ServedRecord>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
  const parsed = fileSchema.safeParse(parseJson(text));
  if (!parsed.success)
    throw new DataFolderError(
      `${path}: expected a record of served models; restore it from a backup, or move it away to start afresh`,
    );
  return parsed.data;
}

/** `undefined` for text that is no JSON, which is no record either. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Written aside, flushed, renamed: a crash leaves the old file or the new one. */
async function writeRecords(path: string, records: Record<string, ServedRecord>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  {
    await using file = await open(temporary, "w");
    await file.writeFile(`${JSON.stringify(records, null, 2)}\n`);
    await file.sync();
  }
  await rename(temporary, path);
}
