/**
 * @file What the gateway costs: many requests at once beside the encoder inside of a program, and one request beside the bare engine.
 *
 * `npm run bench -- http`. Client and server share the machine; the client's part of the CPU is reported.
 */
import { startServer } from "../test/harness/startServer.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineProcess } from "./harness/lineProcess.ts";
import { alternate, median } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { model, readTexts, writeTexts } from "./harness/settings.ts";

const THREADS = 2;
const CONCURRENT = 32;
const SINGLE_TEXTS = 300;
const here = fileURLToPath(new URL(".", import.meta.url));
const textsFile = writeTexts(readTexts());
const numTexts = readTexts().length;
const node = (script: string, ...args: string[]) =>
  new LineProcess(process.execPath, ["--conditions=@stagecoach/source", join(here, script), ...args]);
const pairs = Number(process.env["BENCH_PAIRS"] ?? 10);

await using server = await startServer({ model, flags: ["--threads", String(THREADS), "--log-level", "warn"] });
await using client = node("clients/httpClient.ts", server.url, textsFile);
await using inProcess = node("peers/ours.ts", model, textsFile, String(THREADS));
await using bare = node("clients/bareEngine.ts", model, textsFile, String(THREADS));
const report = new Report("http");

const clientShares: number[] = [];
const many = async () => {
  const { rate, seconds, cpuSeconds, errors } = await client.ask(`${CONCURRENT} 1 ${numTexts}`);
  if (errors! > 0) throw new Error(`bench: ${errors} requests failed`);
  clientShares.push(cpuSeconds! / (seconds! * THREADS));
  return rate!;
};
const groups = async () => numTexts / (await inProcess.ask("groups"))["seconds"]!;
await many();
await groups();
clientShares.length = 0;
const loaded = await alternate(many, groups, {
  pairs,
  onPair: (pair, [a, b]) => console.error(`  ${pair + 1}: HTTP ${a.toFixed(1)}, in process ${b.toFixed(1)} texts/s`),
});
report.ratio("32 concurrent requests of one text / encode of groups of 32 in process", loaded.ratio, 0.9);
report.note(
  "share of the machine's CPU that the client took meanwhile",
  `${(median(clientShares) * 100).toFixed(1)} %`,
);

const latencies = { http: [] as number[], bare: [] as number[], p99: [] as number[] };
const one = async () => {
  const { p50, p99 } = await client.ask(`1 1 ${SINGLE_TEXTS}`);
  latencies.http.push(p50!);
  latencies.p99.push(p99!);
  return 1 / p50!;
};
const call = async () => {
  const { p50 } = await bare.ask(String(SINGLE_TEXTS));
  latencies.bare.push(p50!);
  return 1 / p50!;
};
await one();
await call();
for (const each of Object.values(latencies)) each.length = 0;
const single = await alternate(one, call, {
  pairs,
  onPair: (pair) =>
    console.error(
      `  ${pair + 1}: HTTP ${latencies.http.at(-1)!.toFixed(2)}, bare ${latencies.bare.at(-1)!.toFixed(2)} ms`,
    ),
});
report.ratio(
  "one request at a time: bare engine call and tokenization / HTTP, medians of latency (p50 at most 1.3x)",
  single.ratio,
  1 / 1.3,
);
report.note(
  "latency of one request at a time",
  `p50 ${median(latencies.http).toFixed(2)} ms (bare ${median(latencies.bare).toFixed(2)} ms), p99 ${median(latencies.p99).toFixed(2)} ms`,
);
report.save("npm run bench -- http");
