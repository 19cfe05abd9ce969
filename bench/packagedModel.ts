/**
 * @file The model in the box beside its teacher and beside TF-IDF: how well it finds, groups and compares texts, and how fast it is.
 *
 * `npm run bench -- packagedModel`; needs the peers of `npm run bench:peers`, the teacher (BENCH_MODEL) and the data folder
 * (bench/harness/settings.ts). BENCH_STUDENT measures another folder than the packaged one. Two threads; nothing is drawn but the pairs
 * of sentences, by a seed. A topic is the label of the nearest training text, a rank that of the right paragraph among all of the file.
 */
import { packagedModelFolder } from "@stagecoach/transformer/node";
import { dot, spearman } from "@stagecoach/training";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadEncoder } from "stagecoach";
import { LineProcess } from "./harness/lineProcess.ts";
import { alternate } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { mrrOf } from "./harness/retrieval.ts";
import {
  dataFile,
  expectThere,
  model as teacher,
  python,
  readLines,
  readTexts,
  writeTexts,
} from "./harness/settings.ts";
import { largestDifference } from "./harness/vectors.ts";

type Quality = { readonly mrr: number; readonly topics: number };
type Vectors = readonly Float32Array[];

const THREADS = 2;
const SENTENCE_PAIRS = 20_000;
const peers = fileURLToPath(new URL("peers/", import.meta.url));
const student = process.env["BENCH_STUDENT"] ?? packagedModelFolder;
expectThere(python, "a Python with the peers (npm run bench:peers); set BENCH_PYTHON");
const read = <T>(name: string) => readLines(dataFile(name)).map((line) => JSON.parse(line) as T);
const [topicsTrain, topicsTest] = ["train", "test"].map((part) =>
  read<{ text: string; label: string }>(`topics.${part}.jsonl.gz`),
);
const sentences = sentencesOf(read<{ paragraphs: string[] }>("documents.test.jsonl.gz"));
const drawn = drawPairs(SENTENCE_PAIRS, sentences.length);

const report = new Report("packagedModel");
const ours = await measure(student);
const theirs = await measure(teacher);
const words = JSON.parse(
  execFileSync(
    python,
    [
      join(peers, "tfidf.py"),
      ...["pairs.test", "topics.train", "topics.test"].map((name) => dataFile(`${name}.jsonl.gz`)),
    ],
    {
      encoding: "utf8",
    },
  ),
) as Quality;
const say = (what: keyof Quality) =>
  `${ours[what].toFixed(4)}; teacher ${theirs[what].toFixed(4)}; TF-IDF ${words[what].toFixed(4)}`;
report.note("mrr_at_10 on pairs.test", say("mrr"));
report.note(`topic of the nearest training text, ${topicsTest!.length} texts of topics.test`, say("topics"));
report.note(
  `rank correlation with the teacher's cosines, ${SENTENCE_PAIRS} pairs of ${sentences.length} sentences of documents.test`,
  spearman(ours.cosines, theirs.cosines)!.toFixed(4),
);

const textsFile = writeTexts(readTexts());
const scratch = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
const encoderOf = (folder: string, vectors: string) =>
  new LineProcess(process.execPath, [
    "--conditions=@stagecoach/source",
    join(peers, "ours.ts"),
    folder,
    textsFile,
    String(THREADS),
    join(scratch, vectors),
  ]);
{
  await using small = encoderOf(student, "ours.bin");
  await using large = encoderOf(teacher, "teacher.bin");
  const rate = async (process_: LineProcess) => 1000 / (await process_.ask("all"))["seconds"]!;
  await Promise.all([rate(small), rate(large)]);
  const { ratio, a, b } = await alternate(
    () => rate(small),
    () => rate(large),
    {
      pairs: Number(process.env["BENCH_PAIRS"] ?? 10),
      onPair: (pair, [x, y]) => console.error(`  ${pair + 1}: ${x.toFixed(0)} and ${y.toFixed(0)} texts/s`),
    },
  );
  report.ratio("encode of 1,000 texts / the teacher, both by us", ratio, 5);
  report.note("texts/s at best", `${Math.max(...a).toFixed(0)}; teacher ${Math.max(...b).toFixed(0)}`);
}
{
  await using peer = new LineProcess(python, [
    join(peers, "sentence_transformers_encode.py"),
    student,
    textsFile,
    String(THREADS),
    join(scratch, "peer.bin"),
  ]);
  await peer.ask("all");
  const largest = largestDifference(join(scratch, "ours.bin"), join(scratch, "peer.bin"));
  report.atMost("largest difference from sentence-transformers, 1,000 texts, unit vectors", largest, {
    limit: 1e-5,
    unit: "",
  });
}
report.save("npm run bench -- packagedModel");
rmSync(scratch, { recursive: true, force: true });

async function measure(folder: string): Promise<Quality & { readonly cosines: readonly number[] }> {
  await using encoder = await loadEncoder(folder, { threads: THREADS });
  const encode = (texts: readonly string[]): Promise<Vectors> => encoder.encode(texts, { normalize: true });
  const known = await encode(topicsTrain!.map(({ text }) => text));
  const asked = await encode(topicsTest!.map(({ text }) => text));
  const right = asked.filter(
    (vector, index) => topicsTrain![nearest(vector, known)]!.label === topicsTest![index]!.label,
  );
  const compared = await encode(sentences);
  const cosines = drawn.map(([a, b]) => dot(compared[a]!, compared[b]!));
  return { mrr: await mrrOf(folder), topics: right.length / asked.length, cosines };
}

function nearest(vector: Float32Array, among: Vectors): number {
  let best = 0;
  let highest = -Infinity;
  for (const [index, each] of among.entries()) {
    const cosine = dot(vector, each);
    if (cosine > highest) [best, highest] = [index, cosine];
  }
  return best;
}

/** Sentences of at least three words, each once. */
function sentencesOf(documents: readonly { readonly paragraphs: readonly string[] }[]): string[] {
  const splitter = new Intl.Segmenter("en", { granularity: "sentence" });
  const all = documents.flatMap(({ paragraphs }) =>
    paragraphs.flatMap((text) => [...splitter.segment(text)].map(({ segment }) => segment.trim())),
  );
  return [...new Set(all)].filter((sentence) => sentence.split(/\s+/).length >= 3);
}

/** Pairs of different places below `count`, the same each time: a linear congruential generator (Numerical Recipes). */
function drawPairs(number: number, count: number): (readonly [number, number])[] {
  let state = 1;
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  return Array.from({ length: number }, () => [draw(), draw()] as const).map(
    ([a, b]) => [a, a === b ? (b + 1) % count : b] as const,
  );
}
