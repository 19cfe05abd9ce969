/** @file A training pipeline that does not come up: nobody waits for it for ever. */
import { adamWDefaults } from "@stagecoach/training";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { openWorkerPipeline, type WorkerPipelineOptions } from "../../apps/server/src/training/openWorkerPipeline.ts";
import { tinyEncoder } from "../harness/paths.ts";

const options = {
  folder: tinyEncoder,
  settings: {
    task: { name: "masked-lm" },
    dropout: { hidden: 0, attention: 0, classifier: 0 },
    seed: 1,
    optimizer: adamWDefaults,
    freeze: [],
    recompute: false,
    replaceHead: false,
  },
  numStages: 2,
  engine: "onnxruntime",
  threads: 1,
  schedule: "1f1b",
  maxMicroBatchTokens: 512,
} as const satisfies Omit<WorkerPipelineOptions, "log">;

/** Calls `act` with the process number of each worker that joins. */
function onJoin(act: (pid: number) => void) {
  const write = (line: string) => {
    const { msg, pid } = JSON.parse(line) as { readonly msg: string; readonly pid: number };
    if (msg === "training worker joined") act(pid);
  };
  return pino({ level: "debug", base: null }, { write });
}

describe("openWorkerPipeline()", () => {
  test("throws stage_lost when a worker dies while it loads", async () => {
    let numJoined = 0;
    // With the last one, all begin to load.
    const log = onJoin((pid) => {
      if (++numJoined === options.numStages) process.kill(pid, "SIGKILL");
    });
    await expect(openWorkerPipeline({ ...options, log })).rejects.toMatchObject({ code: "stage_lost" });
  });

  test("throws the reason of a signal that was aborted before", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const opening = openWorkerPipeline({ ...options, log: pino({ level: "silent" }), signal });
    await expect(opening).rejects.toThrow("enough");
  });
});
