/**
 * @file A training step on two stages with one thread each beside one stage with two threads, in worker processes.
 *
 * `npm run bench -- trainPipeline`; needs a model (bench/harness/settings.ts) and two cores. A step is 16 texts of 128 tokens in 8
 * micro-batches. With X for tokens/s: X1 one stage with one thread on one core; X1|| the mean of two such stages at the same time,
 * one a core; X2t one stage with two threads; Xp two stages, one thread and one core each.
 *
 * - kappa = X1|| / X1: what the machine's second core is worth
 * - PE, pipeline efficiency = Xp / (2 kappa X1)
 * - SE, schedule-relative = PE / E, where E is the busy share of a step that is simulated with each stage's own times
 *
 * The simulator is fed with times of stages alone in processes of their own (clients/stageAlone.ts), divided by kappa where two
 * stages are to run at once. All of them are measured in turn, BENCH_PAIRS times (10), each time by the median of BENCH_STEPS steps
 * (3): about 8 minutes.
 */
import {
  compareTimelines,
  modelCosts,
  pipelineSchedule,
  planStages,
  simulateSchedule,
  type ScheduleName,
  type Timeline,
} from "@stagecoach/parallel";
import { readEncoderModel } from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import type { MeasuredStep } from "../apps/server/src/jobs/measuredStep.ts";
import { openWorkerPipeline, type WorkerPipeline } from "../apps/server/src/training/openWorkerPipeline.ts";
import { LineProcess } from "./harness/lineProcess.ts";
import { median, summarize } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { model } from "./harness/settings.ts";
import { stepSettings, syntheticBatches, type StepSize } from "./harness/syntheticStep.ts";

const SIZE: StepSize = { count: 8, texts: 2, length: 128 };
const STAGES = 2;
const TOKENS = SIZE.count * SIZE.texts * SIZE.length;
const WARM_UP = 1;
const schedules = ["1f1b", "gpipe"] as const satisfies readonly ScheduleName[];
type Schedule = (typeof schedules)[number];
type Alone = Readonly<Record<"forward" | "backward" | "norm" | "update", number>>;

const pairs = Number(process.env["BENCH_PAIRS"] ?? 10);
const steps = Number(process.env["BENCH_STEPS"] ?? 3);
const stageAlone = fileURLToPath(new URL("clients/stageAlone.ts", import.meta.url));
const batches = syntheticBatches(SIZE);
const report = new Report("trainPipeline");

await using stack = new AsyncDisposableStack();
const one = await open({ numStages: 1, threads: 1, cores: [0] });
const copy = await open({ numStages: 1, threads: 1, cores: [1] });
const threaded = await open({ numStages: 1, threads: 2, cores: [] });
const piped = {
  "1f1b": await open({ numStages: STAGES, threads: 1, cores: [0, 1], schedule: "1f1b" }),
  gpipe: await open({ numStages: STAGES, threads: 1, cores: [0, 1], schedule: "gpipe" }),
};
const plan = planStages(modelCosts(await readEncoderModel(jsonReader(model))), STAGES);
const alone = plan.map(({ start, end }, stage) => {
  const { count, texts, length } = SIZE;
  const args = [model, start, end, count, texts, length, 1].map(String);
  return stack.use(
    new LineProcess("taskset", [
      "-c",
      String(stage),
      process.execPath,
      "--conditions=@stagecoach/source",
      stageAlone,
      ...args,
    ]),
  );
});

type Round = {
  readonly x1: number;
  readonly parallel: number;
  readonly x2t: number;
  readonly piped: Readonly<Record<Schedule, { readonly rate: number; readonly timeline: Timeline }>>;
  readonly alone: readonly Alone[];
};
const rounds: Round[] = [];
for (let round = -WARM_UP; round < pairs; round++) {
  const measured = await measure(round % 2 === 0);
  if (round < 0) continue;
  rounds.push(measured);
  const { x1, parallel, x2t, piped: two } = measured;
  const shown = [x1, parallel, x2t, two["1f1b"].rate, two.gpipe.rate].map((rate) => rate.toFixed(0));
  console.error(
    `  ${round + 1}: X1 ${shown[0]}, X1|| ${shown[1]}, X2t ${shown[2]}, 1f1b ${shown[3]}, gpipe ${shown[4]}`,
  );
}

const kappa = median(rounds.map(({ x1, parallel }) => parallel / x1));
const own = plan.map((_, stage) => {
  const of = (name: keyof Alone) => median(rounds.map((round) => round.alone[stage]![name])) / 1000;
  return { forward: of("forward"), backward: of("backward"), norm: of("norm"), update: of("update") };
});
const rateOf = (of: (round: Round) => number) => median(rounds.map(of)).toFixed(0);
report.note(
  "tokens/s: one core, each of two cores at once, one stage with two threads",
  `X1 ${rateOf(({ x1 }) => x1)}, X1|| ${rateOf(({ parallel }) => parallel)}, X2t ${rateOf(({ x2t }) => x2t)}`,
);
report.note("kappa = X1|| / X1", show(rounds.map(({ x1, parallel }) => parallel / x1)));
report.note(
  "stages alone: layers, milliseconds of forward, backward, norm, update",
  own
    .map(({ forward, backward, norm, update }, stage) => {
      const { start, end } = plan[stage]!;
      return `${start}-${end}: ${[forward, backward, norm, update].map((each) => (1000 * each).toFixed(1)).join(", ")}`;
    })
    .join("; "),
);
for (const schedule of schedules) reportSchedule(schedule);
report.save("npm run bench -- trainPipeline");

type Opened = { readonly step: () => Promise<number>; readonly timeline: () => Timeline };

async function open(options: {
  readonly numStages: number;
  readonly threads: number;
  /** By stage; without any, workers are not pinned. */
  readonly cores: readonly number[];
  readonly schedule?: ScheduleName;
}): Promise<Opened> {
  const { numStages, threads, cores, schedule = "1f1b" } = options;
  let stages: MeasuredStep["stages"] = [];
  const pipeline = await openWorkerPipeline({
    folder: model,
    settings: stepSettings,
    numStages,
    engine: "onnxruntime",
    threads,
    schedule,
    maxMicroBatchTokens: SIZE.texts * SIZE.length,
    log: pino({ level: "debug" }, { write: (line) => pin(JSON.parse(line) as Joined, cores) }),
    onStep: (told) => (stages = told.stages),
  });
  stack.defer(() => pipeline.close());
  return { step: stepper(pipeline), timeline: () => passesOf(schedule, stages) };
}

type Joined = { readonly msg: string; readonly workerId: string; readonly pid: number };

/** A worker and all its threads, as soon as it joins; it is named `r<replica>s<stage>-<n>`. */
function pin({ msg, workerId, pid }: Joined, cores: readonly number[]): void {
  if (msg !== "training worker joined") return;
  const core = cores[Number(/^r\d+s(\d+)-/.exec(workerId)?.[1])];
  if (core === undefined) return;
  const { status, stderr } = spawnSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { encoding: "utf8" });
  if (status !== 0) throw new Error(`bench: taskset could not pin a worker to a core: ${stderr}`);
}

/** @returns seconds of a step */
function stepper(pipeline: WorkerPipeline): () => Promise<number> {
  let numSteps = 0;
  return async () => {
    const started = performance.now();
    const step = ++numSteps;
    await pipeline.accumulate({ step, microBatches: batches });
    await pipeline.apply({ step, learningRate: 2e-5, gradientScale: 1 });
    return (performance.now() - started) / 1000;
  };
}

function passesOf(name: string, measured: MeasuredStep["stages"]): Timeline {
  const stages = measured.map((each) =>
    each
      .filter(({ kind }) => kind !== "update")
      .map(({ kind, microBatch, startMs, endMs }) => ({
        kind,
        microBatch,
        startSeconds: startMs / 1000,
        endSeconds: endMs / 1000,
      })),
  );
  return { name, stages, transfers: [] };
}

/** Everything once, one after another; every other time in the opposite order. */
async function measure(isForwards: boolean): Promise<Round> {
  const found: { -readonly [Name in keyof Round]?: Round[Name] } = {};
  const rates: Partial<Record<Schedule, { rate: number; timeline: Timeline }>> = {};
  const runSchedule = (schedule: Schedule) => async () => void (rates[schedule] = await typicalStep(piped[schedule]));
  const tasks: (() => Promise<void>)[] = [
    async () => void (found.x1 = (await typicalStep(one)).rate),
    async () => void (found.parallel = await bothAtOnce()),
    async () => void (found.x2t = (await typicalStep(threaded)).rate),
    ...schedules.map(runSchedule),
    async () => {
      const times: Alone[] = [];
      for (const stage of alone) times.push(await typicalTimes(stage));
      found.alone = times;
    },
  ];
  for (const task of isForwards ? tasks : tasks.toReversed()) await task();
  return { ...(found as Omit<Round, "piped">), piped: rates as Round["piped"] };
}

/** Of a few steps the one of median length. */
async function typicalStep({
  step,
  timeline,
}: Opened): Promise<{ readonly rate: number; readonly timeline: Timeline }> {
  const runs: { readonly rate: number; readonly timeline: Timeline }[] = [];
  for (let run = 0; run < steps; run++) runs.push({ rate: TOKENS / (await step()), timeline: timeline() });
  return runs.toSorted((a, b) => a.rate - b.rate)[Math.floor(steps / 2)]!;
}

/** Mean rate of two stages that know nothing of each other. */
async function bothAtOnce(): Promise<number> {
  const [a, b] = await Promise.all([typicalStep(one), typicalStep(copy)]);
  return (a.rate + b.rate) / 2;
}

/** Medians of a few steps. */
async function typicalTimes(stage: LineProcess): Promise<Alone> {
  const runs: Alone[] = [];
  for (let run = 0; run < steps; run++) runs.push((await stage.ask("step")) as Alone);
  const of = (name: keyof Alone) => median(runs.map((each) => each[name]));
  return { forward: of("forward"), backward: of("backward"), norm: of("norm"), update: of("update") };
}

function reportSchedule(name: Schedule): void {
  const schedule = pipelineSchedule(name, { numStages: STAGES, numMicroBatches: SIZE.count });
  const simulate = (speed: number) => {
    const scaled = (key: keyof Alone) => own.map((times) => times[key] / speed);
    const passes = { forwardSeconds: scaled("forward"), backwardSeconds: scaled("backward") };
    const whole = simulateSchedule(schedule, {
      ...passes,
      updateSeconds: scaled("update"),
      // The first stage is the last to be done: its norm is what the update waits for.
      commitSeconds: scaled("norm")[0]!,
    });
    return { whole, passes: simulateSchedule(schedule, passes) };
  };
  const predicted = simulate(kappa);
  const stepSeconds = rounds.map((round) => TOKENS / round.piped[name].rate);
  const expectedShare = 1 - predicted.whole.bubbleShare;
  const efficiency = rounds.map((round) => round.piped[name].rate / (STAGES * round.parallel));
  report.ratio(
    `${name}: 2 stages with 1 thread each / 1 stage with 2 threads`,
    summarize(rounds.map((round) => round.piped[name].rate / round.x2t)),
    0.95,
  );
  report.note(`${name}: speedup, Xp / X1`, show(rounds.map((round) => round.piped[name].rate / round.x1)));
  report.note(`${name}: PE = Xp / (2 kappa X1)`, show(efficiency));
  report.ratio(
    `${name}: SE = PE / E, with E = ${expectedShare.toFixed(3)}`,
    summarize(efficiency.map((each) => each / expectedShare)),
    0.93,
  );
  const costs = own.map(({ forward, backward, norm, update }) => SIZE.count * (forward + backward) + norm + update);
  const balance = costs.reduce((sum, each) => sum + each, 0) / STAGES / Math.max(...costs);
  const fill = SIZE.count / (SIZE.count + STAGES - 1);
  report.note(
    `${name}: PE = balance * fill * runtime`,
    `${balance.toFixed(3)} * ${fill.toFixed(3)} * ${(median(efficiency) / balance / fill).toFixed(3)}`,
  );
  const step = median(stepSeconds);
  const error = (seconds: number) => `${(100 * (seconds / step - 1)).toFixed(1)} percent`;
  const unhindered = simulate(1).whole.timeline;
  const lengthOf = ({ stages }: Timeline) => Math.max(...stages.flat().map(({ endSeconds }) => endSeconds));
  const seconds = lengthOf(predicted.whole.timeline);
  report.note(
    `${name}: step predicted and measured`,
    `${milliseconds(seconds)} and ${milliseconds(step)} ms, ${error(seconds)}`,
  );
  report.note(
    `${name}: predicted as if stages did not slow each other (kappa 1)`,
    `${milliseconds(lengthOf(unhindered))} ms, ${error(lengthOf(unhindered))}`,
  );
  report.atMost(`${name}: predicted step, off by`, Math.abs(100 * (seconds / step - 1)), { limit: 5, unit: "percent" });
  const { timeline } = predicted.passes;
  reportPasses(name, {
    ...timeline,
    stages: timeline.stages.map((each) => each.filter(({ kind }) => kind !== "update")),
  });
}

/** The passes of the step with the median length, beside those that were predicted. */
function reportPasses(name: Schedule, predicted: Timeline): void {
  const compared = rounds.map((round) => compareTimelines(predicted, round.piped[name].timeline));
  const sorted = compared.toSorted((a, b) => a.makespanSeconds.measured - b.makespanSeconds.measured);
  const { makespanSeconds, bubbleShare, stages, firstDifference } = sorted[Math.floor(sorted.length / 2)]!;
  const inMs = (each: { readonly predicted: number; readonly measured: number }) =>
    `${milliseconds(each.predicted)} and ${milliseconds(each.measured)}`;
  report.note(`${name}: passes alone, predicted and measured`, `${inMs(makespanSeconds)} ms`);
  report.note(
    `${name}: bubble share from busy intervals, predicted and measured`,
    `${bubbleShare.predicted.toFixed(3)} and ${bubbleShare.measured.toFixed(3)}`,
  );
  report.note(
    `${name}: by stage, forward; backward; idle, predicted and measured`,
    stages
      .map((each) => [each.forwardSeconds, each.backwardSeconds, each.idleSeconds].map(inMs).join("; "))
      .join(" | "),
  );
  report.note(`${name}: order of passes`, firstDifference === null ? "as predicted" : JSON.stringify(firstDifference));
}

function show(ratios: readonly number[]): string {
  const { median: middle, min, max } = summarize(ratios);
  return `${middle.toFixed(3)}, min ${min.toFixed(3)}, max ${max.toFixed(3)}`;
}

function milliseconds(seconds: number): string {
  return (1000 * seconds).toFixed(0);
}
