/**
 * @file How fast a training step is beside PyTorch's: 16 texts of 128 tokens, two classes, AdamW, two threads.
 *
 * `npm run bench -- trainStep`; needs the peers of `npm run bench:peers` and a model (bench/harness/settings.ts). Reports the
 * share of the time that the step's matrix products alone would take, the time of each operator, memory, and what dropout and
 * recomputation cost.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineProcess } from "./harness/lineProcess.ts";
import { resident } from "./harness/memory.ts";
import { alternate, formatRatio, median } from "./harness/pairs.ts";
import { Report } from "./harness/report.ts";
import { expectThere, model, python } from "./harness/settings.ts";

const [TEXTS, LENGTH, THREADS] = ["16", "128", "2"];
const WARM_UP = 3;
const DROPOUT = "0.1";
const peers = fileURLToPath(new URL("peers/", import.meta.url));
expectThere(python, "a Python with the peers (npm run bench:peers); set BENCH_PYTHON");
const pairs = Number(process.env["BENCH_PAIRS"] ?? 10);
const report = new Report("trainStep");

const rate = async (process_: LineProcess) => 1000 / (await process_.ask("step"))["ms"]!;
const show =
  (name: string) =>
  (pair: number, [a, b]: readonly [number, number]) =>
    console.error(`  ${name} ${pair + 1}: ${(1000 / a).toFixed(0)} and ${(1000 / b).toFixed(0)} ms`);

async function ours(dropout: string, ...flags: string[]): Promise<LineProcess> {
  const program = join(peers, "oursTrainStep.ts");
  const args = ["--conditions=@stagecoach/source", program, model, TEXTS, LENGTH, THREADS, dropout, ...flags];
  return warm(new LineProcess(process.execPath, args));
}

const pytorch = (dropout: string): Promise<LineProcess> =>
  warm(new LineProcess(python, [join(peers, "torch_train_step.py"), model, TEXTS, LENGTH, THREADS, dropout]));

async function warm(process_: LineProcess): Promise<LineProcess> {
  for (let step = 0; step < WARM_UP; step++) await rate(process_);
  return process_;
}

const mebibytes = (process_: LineProcess) => `${Math.round(resident(process_.pid).together / 2 ** 20)} MiB`;
const milliseconds = (rates: readonly number[]) => (1000 / median(rates)).toFixed(0);

{
  await using step = await ours("0");
  {
    await using peer = await pytorch("0");
    const { ratio, a, b } = await alternate(
      () => rate(step),
      () => rate(peer),
      { pairs, onPair: show("ours and PyTorch") },
    );
    report.ratio("training steps / PyTorch eager", ratio, 1);
    report.note("median step, ours and PyTorch", `${milliseconds(a)} and ${milliseconds(b)} ms`);
    report.note("resident memory, ours and PyTorch", `${mebibytes(step)} and ${mebibytes(peer)}`);
  }
  const phases = await step.ask("step");
  report.note(
    "phases of one step",
    Object.entries(phases)
      .map(([name, ms]) => `${name} ${ms.toFixed(0)}`)
      .join(", "),
  );
  const { ratio } = await alternate(
    () => rate(step),
    async () => 1000 / (await step.ask("products"))["ms"]!,
    { pairs, onPair: show("step and products") },
  );
  report.ratio("step / its matrix products alone, each by itself on the engine", ratio, 0.7);
  await using recomputing = await ours("0", "recompute");
  const recomputation = await alternate(
    () => rate(recomputing),
    () => rate(step),
    { pairs, onPair: show("recomputing and keeping") },
  );
  report.ratio("steps with recomputation / without", recomputation.ratio, 0.7);
  report.note("resident memory with recomputation and without", `${mebibytes(recomputing)} and ${mebibytes(step)}`);
}
{
  await using step = await ours(DROPOUT);
  {
    await using peer = await pytorch(DROPOUT);
    const { ratio } = await alternate(
      () => rate(step),
      () => rate(peer),
      { pairs, onPair: show("with dropout, ours and PyTorch") },
    );
    report.ratio(`training steps with dropout ${DROPOUT} / PyTorch eager`, ratio, 1);
  }
  await using plain = await ours("0");
  const { ratio } = await alternate(
    () => rate(step),
    () => rate(plain),
    { pairs, onPair: show("with dropout and without") },
  );
  report.note(`steps with dropout ${DROPOUT} / without: making the masks and applying them`, formatRatio(ratio));
}
{
  await using step = await ours("0", "profile");
  for (let run = 0; run < 5; run++) await step.ask("step");
  const times = Object.entries(await step.ask("breakdown")).slice(0, 24);
  report.note(
    "milliseconds by session (0 forward, 1 backward, 2 norm, 3 update) and operator",
    times.map(([name, ms]) => `${name} ${ms.toFixed(1)}`).join(", "),
  );
}
report.save("npm run bench -- trainStep");
