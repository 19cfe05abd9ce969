/**
 * @file Ours, behind the same line protocol as the peers: `all` encodes all texts, `groups` encodes groups of 32 as they arrive.
 *
 * usage: ours.ts MODEL_DIR TEXTS.json THREADS [VECTORS.bin]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { loadEncoder } from "stagecoach";

const [folder, textsFile, threads, vectorsFile] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(textsFile!, "utf8")) as string[];
const encoder = await loadEncoder(folder!, { threads: Number(threads) });
if (vectorsFile !== undefined) {
  const vectors = await encoder.encode(texts, { normalize: true });
  writeFileSync(
    vectorsFile,
    Buffer.concat(vectors.map((vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength))),
  );
}
await encoder.encode(texts.slice(0, 64));

const tasks: Record<string, () => Promise<unknown>> = {
  all: () => encoder.encode(texts, { normalize: true }),
  async groups() {
    for (let start = 0; start < texts.length; start += 32)
      await encoder.encode(texts.slice(start, start + 32), { normalize: true });
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const started = performance.now();
  await tasks[line]!();
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000 }));
}
await encoder.close();
