/** @file How well a model finds the right paragraph, as `stagecoach evaluate` says it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { evaluateModel } from "../../apps/server/src/evaluation/evaluateModel.ts";
import { workerPipelines } from "../../apps/server/src/training/openTrainingPipeline.ts";
import { dataFile } from "./settings.ts";

/** Mean reciprocal rank at 10 of each synopsis's paragraph among all of the test file. */
export async function mrrOf(model: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-bench-"));
  const { metrics } = await evaluateModel(
    { model, data: { path: dataFile("pairs.test.jsonl.gz") }, stages: 1, engine: "onnxruntime", threads: 2 },
    { folder, openPipeline: workerPipelines({ log: pino({ level: "warn" }, pino.destination(2)) }), onEvent: () => {} },
  );
  rmSync(folder, { recursive: true });
  return metrics["mrr_at_10"]!;
}
