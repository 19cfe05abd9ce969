/**
 * @file One text at a time with nothing around it: tokenization and one engine call, in one thread.
 *
 * usage: bareEngine.ts MODEL_DIR TEXTS.json THREADS   Then a line with a number of texts in, `{"p50": ms}` out.
 */
import { loadEngine } from "@stagecoach/engine/node";
import { Stage } from "@stagecoach/parallel";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { openModelFolder } from "@stagecoach/transformer/node";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [folder, textsFile, threads] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(textsFile!, "utf8")) as string[];
const { model, weights } = await openModelFolder(folder!);
const engine = await loadEngine("onnxruntime", { threads: Number(threads) });
const tokenizer = await loadTokenizer(folder!);
const stage = await Stage.load({
  engine,
  model,
  weights,
  layers: { start: 0, end: model.config.numLayers },
  now: () => performance.now(),
});

for await (const line of createInterface({ input: process.stdin })) {
  const latencies: number[] = [];
  for (let index = 0; index < Number(line); index++) {
    const started = performance.now();
    const { ids, typeIds } = tokenizer.encodeIds(texts[index % texts.length]!, {
      truncation: { maxLength: model.modules.maxLength },
    });
    await stage.run({ inputIds: ids, tokenTypeIds: typeIds, lengths: Int32Array.of(ids.length) }, "sentence");
    latencies.push(performance.now() - started);
  }
  console.log(JSON.stringify({ p50: latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length / 2)] }));
}
