/** @file What a benchmark needs from outside of the repository, and how to say where it is. */
import { existsSync, readFileSync } from "node:fs";
import { mkdtempSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { python as sharedPython } from "../../tools/python/environment.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
export const results = join(repository, "bench/results");

const sharedFolder = process.env["BENCH_SHARED"] ?? join(repository, "../shared");
/** A Python with torch, sentence-transformers, onnxruntime (tools/python/requirements.txt). */
export const python = process.env["BENCH_PYTHON"] ?? sharedPython;
/** A folder with @huggingface/transformers in its node_modules. */
export const transformersJs = process.env["BENCH_TRANSFORMERS_JS"] ?? join(repository, ".cache/bench/node");

export const model = process.env["BENCH_MODEL"] ?? join(sharedFolder, "models/all-MiniLM-L6-v2");

/** The first paragraphs of package descriptions, 222 characters and 53 tokens on average. */
export function readTexts(count = 1000): string[] {
  const path = process.env["BENCH_TEXTS"] ?? join(sharedFolder, "data/pairs.test.jsonl.gz");
  expectThere(path, "texts (JSON lines with a field `positive`); set BENCH_TEXTS");
  return readLines(path)
    .slice(0, count)
    .map((line) => (JSON.parse(line) as { positive: string }).positive);
}

/** A file of the data folder: topics.*, documents.* (Debian's package descriptions). */
export function dataFile(name: string): string {
  const path = join(process.env["BENCH_DATA"] ?? join(sharedFolder, "data"), name);
  expectThere(path, `the data set ${name}; set BENCH_DATA to its folder`);
  return path;
}

/** Lines with something in them; a name that ends in .gz is unpacked. */
export function readLines(path: string): string[] {
  const bytes = readFileSync(path);
  const lines = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").split("\n");
  return lines.filter((line) => line !== "");
}

/** The first lines of a file of the data folder as a file of their own. @param folder - where to write it @returns its path */
export function firstLines(folder: string, name: string, count: number): string {
  const path = join(folder, name.replace(/\.gz$/, ""));
  writeFileSync(path, `${readLines(dataFile(name)).slice(0, count).join("\n")}\n`);
  return path;
}

/** Texts as a JSON file, for programs in other languages. */
export function writeTexts(texts: readonly string[]): string {
  const path = join(mkdtempSync(join(tmpdir(), "stagecoach-bench-")), "texts.json");
  writeFileSync(path, JSON.stringify(texts));
  return path;
}

export function expectThere(path: string, what: string): void {
  if (!existsSync(path)) throw new Error(`bench: expected ${what}, found nothing at ${path}`);
}

export function machine(): string {
  const [cpu] = cpus();
  return `${availableParallelism()} cores (${cpu?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}
