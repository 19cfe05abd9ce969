/**
 * @file What a pipeline of processes costs: two stages with one thread each beside one stage with two threads, under load.
 *
 * `npm run bench -- pipeline`. Load is four clients with lists of 32 texts, so that micro-batches are always waiting.
 */
import { startServer } from "../test/harness/startServer.ts";
import { metric } from "../test/harness/load.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineProcess } from "./harness/lineProcess.ts";
import { alternate } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { model, readTexts, writeTexts } from "./harness/settings.ts";

const LOAD = "4 32 2000";
const here = fileURLToPath(new URL(".", import.meta.url));
const textsFile = writeTexts(readTexts());
const pairs = Number(process.env["BENCH_PAIRS"] ?? 10);
const clientOf = (url: string) =>
  new LineProcess(process.execPath, [
    "--conditions=@stagecoach/source",
    join(here, "clients/httpClient.ts"),
    url,
    textsFile,
  ]);

await using two = await startServer({ model, flags: ["--stages", "2", "--threads", "1", "--log-level", "info"] });
await using one = await startServer({ model, flags: ["--stages", "1", "--threads", "2", "--log-level", "info"] });
await using clientOfTwo = clientOf(two.url);
await using clientOfOne = clientOf(one.url);
const report = new Report("pipeline");
const rate = async (client: LineProcess) => {
  const { rate: texts, errors } = await client.ask(LOAD);
  if (errors! > 0) throw new Error(`bench: ${errors} requests failed`);
  return texts!;
};
await rate(clientOfTwo);
await rate(clientOfOne);
const before = await busySeconds();
const { ratio } = await alternate(
  () => rate(clientOfTwo),
  () => rate(clientOfOne),
  {
    pairs,
    onPair: (pair, [a, b]) =>
      console.error(`  ${pair + 1}: two stages ${a.toFixed(1)}, one stage ${b.toFixed(1)} texts/s`),
  },
);
const after = await busySeconds();
report.ratio("2 stages with 1 thread each / 1 stage with 2 threads, under load", ratio, 0.95);
const [first, second] = [after[0]! - before[0]!, after[1]! - before[1]!];
report.note(
  "balance of the two stages (mean of busy time / largest)",
  ((first + second) / 2 / Math.max(first, second)).toFixed(3),
);
report.save("npm run bench -- pipeline");

async function busySeconds(): Promise<number[]> {
  const scrape = await (await two.get("/metrics")).text();
  return [0, 1].map((stage) => metric(scrape, `stagecoach_stage_busy_seconds_total{replica="0",stage="${stage}"}`));
}
