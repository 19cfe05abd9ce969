/** @file A data file as encoded examples, kept in memory as far as they fit, beyond that on disk. */
import { tmpdir } from "node:os";
import type { DataFormat } from "../../data/dataRow.ts";
import { encodeExamples, type EncodedExamples, type EncodeExamplesOptions } from "../../data/encodeExamples.ts";
import type { PieceStorage } from "../../data/exampleStore.ts";
import type { DataSplit } from "./dataFolder.ts";
import type { ReadProgress } from "./fileBytes.ts";
import { filePieces } from "./filePieces.ts";
import { openDataFile } from "./openDataFile.ts";

export type DataFile = {
  readonly path: string;
  /** What messages call it, and what its format is known by; default: the path. */
  readonly name?: string;
  readonly format?: DataFormat | undefined;
  /** Whose files are read where the path is a folder; default: train. */
  readonly split?: DataSplit | undefined;
  /** Of a folder: which of the data sets that its card names; the default one when left out. */
  readonly config?: string | undefined;
};

export type LoadProgress = ReadProgress & { readonly pass: "scan" | "encode" };

export type LoadExamplesOptions = Omit<EncodeExamplesOptions, "createStorage" | "onPass"> & {
  /** For encoded examples that do not fit into memory; default: the system's folder for temporary files. */
  readonly folder?: string;
  /** Of what is encoded; default 256 MiB, that is about 60 million tokens. */
  readonly maxMemoryBytes?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
};

/** @throws DataError for what is wrong with the file, its columns, its labels or the options */
export async function loadExamples(file: DataFile, options: LoadExamplesOptions): Promise<EncodedExamples> {
  const { folder = tmpdir(), maxMemoryBytes = 2 ** 28, onProgress, signal, ...rest } = options;
  let pass: LoadProgress["pass"] = "scan";
  const source = await openDataFile(file.path, {
    name: file.name ?? file.path,
    format: file.format,
    split: file.split,
    config: file.config,
    hasDocuments: options.task === "pretraining" || options.task === "next-sentence",
    onProgress: onProgress === undefined ? undefined : (progress) => onProgress({ ...progress, pass }),
    signal,
  });
  const storages: PieceStorage[] = [];
  const createStorage = () => {
    const storage = filePieces(folder, maxMemoryBytes);
    storages.push(storage);
    return storage;
  };
  try {
    const onPass = (next: LoadProgress["pass"]) => {
      pass = next;
    };
    return await encodeExamples(source, { ...rest, createStorage, onPass });
  } catch (error) {
    storages.forEach((storage) => storage.close());
    throw error;
  }
}
