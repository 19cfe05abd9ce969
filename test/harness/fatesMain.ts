/**
 * @file Preloaded into the processes of a server (`NODE_OPTIONS=--import`): the trainer and the training stages' workers signal
 * themselves where the plan of their fates says so. Methods are wrapped from here; the product knows nothing of it.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { comePath, FATES_FOLDER, planPath, type Fate, type Moment, type Victim } from "./fates.ts";

type Method = (this: unknown, ...given: unknown[]) => Promise<unknown>;
type Numbered = Fate & { readonly number: number };

const { [FATES_FOLDER]: folder } = process.env;
const victim = victimHere();
if (folder !== undefined && victim !== null && isMainThread && existsSync(planPath(folder))) {
  const plan = JSON.parse(readFileSync(planPath(folder), "utf8")) as readonly Fate[];
  const own = plan.map((fate, number) => ({ ...fate, number })).filter((fate) => fate.victim === victim);
  if (victim === "trainer") {
    const { RemoteTrainingPipeline } = await import("@stagecoach/parallel");
    for (const method of new Set(own.map((fate) => fate.method)))
      wrap(RemoteTrainingPipeline.prototype, method, { own, folder, nameOf: () => method });
  } else if (own.length > 0) {
    const { EngineThread } = await import("@stagecoach/engine/node");
    wrap(EngineThread.prototype, "call", { own, folder, nameOf: ([method]) => String(method) });
  }
}

function victimHere(): Victim | null {
  if (/trainerMain\.[jt]s$/.test(process.argv[1] ?? "")) return "trainer";
  const { STAGECOACH_WORKER_SETTINGS: settings } = process.env;
  if (settings === undefined) return null;
  return `stage ${(JSON.parse(settings) as { child: { seat: { stage: number } } }).child.seat.stage}`;
}

type Wrapping = {
  readonly own: readonly Numbered[];
  readonly folder: string;
  /** What a call is to the plan. */
  readonly nameOf: (given: readonly unknown[]) => string;
};

function wrap(prototype: object, key: string, { own, folder: marks, nameOf }: Wrapping): void {
  const methods = prototype as Record<string, Method>;
  const inner = methods[key]!;
  const calls = new Map<string, number>();
  methods[key] = async function (...given) {
    const name = nameOf(given);
    const call = (calls.get(name) ?? 0) + 1;
    calls.set(name, call);
    const come = (moment: Moment) => {
      for (const fate of own)
        if (fate.method === name && fate.call === call && fate.moment === moment) meet(fate, marks);
    };
    come("before");
    const result = inner.apply(this, given);
    setImmediate(come, "during");
    const value = await result;
    come("after");
    setImmediate(come, "passed on");
    return value;
  };
}

function meet({ number, signal }: Numbered, marks: string): void {
  const mark = comePath(marks, number);
  if (existsSync(mark)) return;
  mkdirSync(mark);
  process.kill(process.pid, signal);
}
