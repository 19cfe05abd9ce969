/**
 * @file Ten minutes of load: errors, and whether memory stays flat.
 *
 * `npm run bench -- soak`; BENCH_MINUTES shortens it. The slope is that of a straight line through samples of every two seconds, the
 * first fifth left out: buffers and compiled code find their size in it.
 */
import { startServer } from "../test/harness/startServer.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";
import { LineProcess } from "./harness/lineProcess.ts";
import { resident } from "./harness/memory.ts";
import { median } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { model, readTexts, writeTexts } from "./harness/settings.ts";

const minutes = Number(process.env["BENCH_MINUTES"] ?? 10);
const here = fileURLToPath(new URL(".", import.meta.url));
const textsFile = writeTexts(readTexts());
await using server = await startServer({ model, flags: ["--stages", "2", "--threads", "1", "--log-level", "warn"] });
await using client = new LineProcess(process.execPath, [join(here, "clients/httpClient.ts"), server.url, textsFile]);
const report = new Report("soak");

const samples: { readonly minute: number; readonly megabytes: number }[] = [];
const started = performance.now();
const elapsed = () => (performance.now() - started) / 60_000;
const over = new AbortController();
const watching = (async () => {
  while (!over.signal.aborted) {
    samples.push({ minute: elapsed(), megabytes: resident(server.process.pid!).anonymous / 1e6 });
    await pause(2000);
  }
})();
let [texts, errors] = [0, 0];
const rates: number[] = [];
for (let turn = 0; elapsed() < minutes; turn++) {
  const load = turn % 2 === 0 ? "32 1 1000" : "4 32 1000";
  const { rate, errors: failed } = await client.ask(load);
  texts += 1000;
  errors += failed!;
  rates.push(rate!);
  console.error(
    `  ${elapsed().toFixed(1)} min: ${rate!.toFixed(1)} texts/s, ${samples.at(-1)!.megabytes.toFixed(0)} MB, ${errors} errors`,
  );
}
over.abort();
await watching;

report.atMost(`errors in ${minutes} minutes, ${texts} texts`, errors, { limit: 0, unit: "errors" });
report.atMost(
  "growth of the memory of all processes, files that they map left out (2 stages)",
  slope(samples.filter(({ minute }) => minute > minutes / 5)),
  { limit: 1, unit: "MB a minute" },
);
report.note(
  "memory at the start, the middle and the end",
  [0, 0.5, 1].map((part) => `${samples[Math.floor(part * (samples.length - 1))]!.megabytes.toFixed(0)} MB`).join(", "),
);
report.note(
  "texts/s, first and last fifth",
  `${median(rates.slice(0, Math.ceil(rates.length / 5))).toFixed(1)}, ${median(rates.slice(-Math.ceil(rates.length / 5))).toFixed(1)}`,
);
report.save("npm run bench -- soak");

/** Least squares, megabytes a minute. */
function slope(points: typeof samples): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(points.map(({ minute }) => minute)), mean(points.map(({ megabytes }) => megabytes))];
  const numerator = points.reduce((total, { minute, megabytes }) => total + (minute - x) * (megabytes - y), 0);
  return numerator / points.reduce((total, { minute }) => total + (minute - x) ** 2, 0);
}
