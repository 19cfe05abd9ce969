/**
 * @file What a training job does to the latency of requests to the same gateway, and what the requests cost the job.
 *
 * `npm run bench -- servingDuringTraining`; needs a model and the topics data (bench/harness/settings.ts). One gateway serves the
 * model with its defaults and fine-tunes it on two cores. Single texts come at a low fixed rate. In turn: requests with the job
 * paused, requests while it trains, training without requests; every other time in the opposite order.
 *
 * BENCH_PAIRS times (10), BENCH_SECONDS of each (20), BENCH_RATE requests per second (5), BENCH_TRAINING_THREADS (the server's
 * default). About 13 minutes.
 */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startServer } from "../test/harness/startServer.ts";
import { TrainingJob } from "./clients/trainingJob.ts";
import { LineProcess } from "./harness/lineProcess.ts";
import { formatRatio, median, summarize } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { dataFile, model, readLines, readTexts, writeTexts } from "./harness/settings.ts";

const EXAMPLES = 4000;
/** The job does not end by itself, and saves nothing on its way. */
const hyperparameters = { n_epochs: 1000, batch_size: 16, max_length: 128, checkpoint_steps: 1_000_000 };
const number = (name: string, standard: number) => Number(process.env[name] ?? standard);
const pairs = number("BENCH_PAIRS", 10);
const seconds = number("BENCH_SECONDS", 20);
const rate = number("BENCH_RATE", 5);
const trainingThreads = process.env["BENCH_TRAINING_THREADS"];
const client = fileURLToPath(new URL("clients/pacedClient.ts", import.meta.url));

await using server = await startServer({
  model,
  flags: ["--threads", "2", ...(trainingThreads === undefined ? [] : ["--training-threads", trainingThreads])],
});
await using requests = new LineProcess(process.execPath, [
  "--conditions=@stagecoach/source",
  client,
  server.url,
  writeTexts(readTexts()),
]);
const report = new Report("servingDuringTraining");
const served = ((await (await server.get("/v1/models")).json()) as { data: { id: string }[] }).data[0]!.id;
await serve();
const job = await TrainingJob.start(server, {
  model: served,
  data: readLines(dataFile("topics.train.jsonl.gz")).slice(0, EXAMPLES).join("\n"),
  hyperparameters,
});

type Latencies = readonly number[];
const alone: Latencies[] = [];
const beside: Latencies[] = [];
const training: { readonly alone: number[]; readonly beside: number[] } = { alone: [], beside: [] };
const whilePaused = async () => void alone.push(await serve());
const whileTraining = async () => {
  training.beside.push(await job.rateDuring(async () => void beside.push(await serve())));
};
const trainingAlone = async () => void training.alone.push(await job.rateDuring(() => pause(1000 * seconds)));

for (let pair = 0; pair < pairs; pair++) {
  if (pair % 2 === 0) {
    await job.pause();
    await whilePaused();
    await job.resume();
    await whileTraining();
    await trainingAlone();
  } else {
    await trainingAlone();
    await whileTraining();
    await job.pause();
    await whilePaused();
    await job.resume();
  }
  console.error(`  ${pair + 1}: ${shown(alone.at(-1)!)}; while training ${shown(beside.at(-1)!)}`);
  console.error(
    `     training ${training.beside.at(-1)!.toFixed(0)} and ${training.alone.at(-1)!.toFixed(0)} tokens/s`,
  );
}
await job.cancel();

report.note("requests", `${rate} single texts per second, ${pairs} times ${seconds} s of each; failed: 0`);
report.note("latency without training", shown(alone.flat()));
report.note("latency while training", shown(beside.flat()));
report.note("p50 while training / without", ratio(beside.map(middle), alone.map(middle)));
report.note("p99 while training / without", ratio(beside.map(tail), alone.map(tail)));
report.note(
  "training with requests and without",
  `${median(training.beside).toFixed(0)} and ${median(training.alone).toFixed(0)} tokens/s`,
);
report.note("training with requests / without", ratio(training.beside, training.alone));
report.save(`BENCH_PAIRS=${pairs} BENCH_SECONDS=${seconds} BENCH_RATE=${rate} npm run bench -- servingDuringTraining`);

/** @returns latency of each request in milliseconds @throws Error when one failed */
async function serve(): Promise<Latencies> {
  const { latencies, errors } = (await requests.ask(`${rate} ${seconds}`)) as unknown as {
    readonly latencies: Latencies;
    readonly errors: number;
  };
  if (errors > 0) throw new Error(`bench: ${errors} requests failed`);
  return latencies;
}

function quantile(latencies: Latencies, share: number): number {
  return latencies.toSorted((a, b) => a - b)[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!;
}

function middle(latencies: Latencies): number {
  return quantile(latencies, 0.5);
}

function tail(latencies: Latencies): number {
  return quantile(latencies, 0.99);
}

function shown(latencies: Latencies): string {
  return `p50 ${middle(latencies).toFixed(1)} ms, p99 ${tail(latencies).toFixed(1)} ms`;
}

function ratio(values: readonly number[], others: readonly number[]): string {
  return formatRatio(summarize(values.map((value, index) => value / others[index]!)));
}
