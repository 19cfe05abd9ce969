/**
 * @file A run that was stopped, killed or lost a stage ends with the bytes of one that was not: model, optimizer state, log, evaluation. With
 * dropout, evaluations and several micro-batches, on ONNX Runtime, whole and cut.
 */
import { openSafetensors } from "@stagecoach/transformer/node";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failingPipelines } from "../harness/failingPipeline.ts";
import { openLocalPipeline } from "../harness/openLocalPipeline.ts";
import type { OpenPipeline } from "../../apps/server/src/training/pipelineRequest.ts";
import { runTrainingJob, type JobEvent } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-resume-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const newFolder = () => mkdtempSync(join(scratch, "run-"));
const [train, dev] = [join(scratch, "train.jsonl"), join(scratch, "dev.jsonl")];

const settingsOf = (stages: number) =>
  trainingSettingsSchema.parse({
    model: tinyEncoder,
    data: { path: train },
    evaluation_data: { path: dev },
    stages,
    threads: 1,
    hyperparameters: {
      n_epochs: 2,
      batch_size: 8,
      micro_batches: 3,
      learning_rate: 1e-3,
      dropout: 0.1,
      attention_dropout: 0.1,
      checkpoint_steps: 3,
    },
  });

/** 20 examples in batches of 8: 3 steps an epoch, the last of them smaller. */
const TOTAL_STEPS = 6;

type RunOptions = {
  readonly folder?: string;
  readonly stages?: number;
  readonly openPipeline?: OpenPipeline;
  readonly onEvent?: (event: JobEvent) => void;
  readonly signal?: AbortSignal;
};

async function run({ folder = newFolder(), stages = 1, ...given }: RunOptions = {}) {
  const events: JobEvent[] = [];
  const result = await runTrainingJob(settingsOf(stages), {
    folder,
    openPipeline: given.openPipeline ?? openLocalPipeline,
    signal: given.signal,
    onEvent(event) {
      events.push(event);
      given.onEvent?.(event);
    },
  });
  return { folder, result, events };
}

type Outcome = {
  readonly log: string;
  /** What the best model gets wrong. */
  readonly evaluations: string;
  readonly model: Uint8Array;
  readonly state: ReadonlyMap<string, Uint8Array>;
};

async function outcomeOf(folder: string): Promise<Outcome> {
  const newest = join(folder, "checkpoints", `step-${TOTAL_STEPS}`);
  const state = new Map<string, Uint8Array>();
  for (const file of readdirSync(newest).filter((name) => name.endsWith(".safetensors"))) {
    await using source = await openSafetensors(join(newest, file));
    for (const name of source.names()) state.set(name, await source.readBytes(name));
  }
  return {
    log: readFileSync(join(folder, "steps.jsonl"), "utf8"),
    evaluations: readFileSync(join(folder, "evaluations.json"), "utf8"),
    model: readFileSync(join(folder, "model", "model.safetensors")),
    state,
  };
}

let whole: Outcome;
beforeAll(async () => {
  writeToyTexts(train, 20, 1);
  writeToyTexts(dev, 6, 2);
  const { folder } = await run();
  whole = await outcomeOf(folder);
});

async function expectWhole(folder: string): Promise<void> {
  const { state, ...rest } = await outcomeOf(folder);
  const { state: expected, ...others } = whole;
  expect(rest).toEqual(others);
  expect([...state.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [name, bytes] of expected) expect(state.get(name), name).toEqual(bytes);
}

describe("a run", () => {
  test("has so many steps, and an evaluation after each epoch", () => {
    const lines = whole.log.trimEnd().split("\n");
    const kinds = lines.map((line) => Object.keys(JSON.parse(line) as object)[1]);
    expect(kinds).toEqual(["loss", "loss", "loss", "metrics", "loss", "loss", "loss", "metrics"]);
  });

  test.each([2, 4])("in %i stages gives the bytes of one", async (stages) => {
    const { folder } = await run({ stages });
    await expectWhole(folder);
  });

  test.each([
    [1, 1, 2],
    [2, 1, 3],
    [4, 1, 2],
    [5, 2, 1],
    [4, 2, 2],
  ])(
    "stopped after step %i in %i stages, and gone on with in %i, gives the bytes of one",
    async (step, before, after) => {
      const stopping = new AbortController();
      const { folder, result } = await run({
        stages: before,
        signal: stopping.signal,
        onEvent: (event) => void (event.type === "step" && event.step === step && stopping.abort("shutdown")),
      });
      expect(result).toEqual({ status: "stopped", kind: "shutdown", step });
      const { events } = await run({ folder, stages: after });
      expect(events).toContainEqual({ type: "resumed", step, reason: "restart", stepsToReplay: 0 });
      await expectWhole(folder);
    },
  );

  test.each([
    ["accumulate", 5],
    ["apply", 2],
    ["save", 3],
    ["evaluate", 2],
  ] as const)("whose trainer dies in call %s %i goes on with the bytes of one", async (method, call) => {
    const folder = newFolder();
    await expect(run({ folder, openPipeline: failingPipelines(method, call, "killed").openPipeline })).rejects.toThrow(
      "gone",
    );
    const { result } = await run({ folder, stages: 2 });
    expect(result.status === "succeeded" && result.summary.replayedSteps).toBeLessThanOrEqual(3);
    await expectWhole(folder);
  });

  test.each([
    ["accumulate", 5],
    ["apply", 6],
    ["save", 2],
  ] as const)("that loses a stage in call %s %i ends with the bytes of one", async (method, call) => {
    const { folder, result } = await run({
      stages: 2,
      openPipeline: failingPipelines(method, call, "stage_lost").openPipeline,
    });
    expect(result.status === "succeeded" && result.summary.replayedSteps).toBeLessThanOrEqual(3);
    await expectWhole(folder);
  });

  test("goes on from no other data", async () => {
    const stopping = new AbortController();
    const { folder } = await run({
      signal: stopping.signal,
      onEvent: (event) => void (event.type === "step" && event.step === 2 && stopping.abort("pause")),
    });
    writeToyTexts(train, 20, 3);
    try {
      await expect(run({ folder })).rejects.toMatchObject({ code: "checkpoint_unusable" });
    } finally {
      writeToyTexts(train, 20, 1);
    }
  });

  test("has its folder for itself", async () => {
    const folder = newFolder();
    const { promise: isRunning, resolve } = Promise.withResolvers<void>();
    const stopping = new AbortController();
    const first = run({
      folder,
      signal: stopping.signal,
      onEvent: (event) => void (event.type === "started" && resolve()),
    });
    await isRunning;
    const message = /expected to be the only trainer in this folder, got another/;
    await expect(run({ folder })).rejects.toThrow(message);
    stopping.abort("cancel");
    await first;
  });
});
