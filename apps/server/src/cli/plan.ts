/** @file `stagecoach plan`: which layers go to which stage, before anything is started. */
import { modelCosts, parameterBytes, planStages, stageCost, type ModelCosts } from "@stagecoach/parallel";
import { measureModelCosts } from "@stagecoach/parallel/node";
import { readEncoderModel, type EncoderModel, type LayerRange } from "@stagecoach/transformer";
import { jsonReader, resolveModel } from "@stagecoach/transformer/node";
import { Command } from "commander";
import { DEFAULT_MODEL } from "../config/settings.ts";
import { SettingsError } from "../config/loadSettings.ts";
import { formatBytes } from "../progress/progressBar.ts";
import type { Host } from "./runCommandLine.ts";

type PlanOptions = {
  model: string;
  revision?: string;
  stages: string;
  measure?: boolean;
  threads: string;
  json?: boolean;
};

export type PlannedStage = {
  readonly stage: number;
  readonly layers: LayerRange;
  readonly parts: string;
  /** Share of the whole model's cost. */
  readonly share: number;
  readonly parameterBytes: number;
};

export function planCommand(host: Host): Command {
  const command = new Command("plan").description("show which layers go to which stage");
  command
    .option("--model <dir|id>", "folder or hub id of the model", DEFAULT_MODEL)
    .option("--revision <rev>", "branch, tag or commit of a hub model")
    .option("--stages <n>", "number of stages", "2")
    .option("--measure", "time every layer on this machine instead of counting its operations")
    .option("--threads <n>", "threads for --measure", "1")
    .option("--json", "print JSON");
  return command.action(async () => {
    const { model: reference, revision, stages, measure, threads, json } = command.opts<PlanOptions>();
    const { folder, id } = await resolveModel(reference, { revision });
    const model = await readEncoderModel(jsonReader(folder));
    const costs =
      measure === true
        ? await measureModelCosts({ folder, threads: whole("--threads", threads), engine: "onnxruntime" })
        : modelCosts(model);
    const planned = describePlan(model, costs, whole("--stages", stages));
    const unit = measure === true ? "seconds" : "operations";
    const summary = { model: id, unit, costs, stages: planned, balance: balanceOf(planned) };
    host.stdout.write(json === true ? `${JSON.stringify(summary, null, 2)}\n` : table(id, planned, unit));
  });
}

function describePlan(model: EncoderModel, costs: ModelCosts, numStages: number): PlannedStage[] {
  const ranges = planStages(costs, numStages);
  const total = stageCost(costs, { start: 0, end: model.config.numLayers });
  return ranges.map((layers, stage) => ({
    stage,
    layers,
    parts: partsOf(layers, model),
    share: stageCost(costs, layers) / total,
    parameterBytes: parameterBytes(model, layers),
  }));
}

function partsOf({ start, end }: LayerRange, { config }: EncoderModel): string {
  const layers = end - start === 1 ? `layer ${start}` : `layers ${start}-${end - 1}`;
  return [start === 0 ? "embeddings" : "", layers, end === config.numLayers ? "pooling" : ""]
    .filter((part) => part !== "")
    .join(", ");
}

/** Mean over largest cost: 1 when all stages have the same to do. */
function balanceOf(stages: readonly PlannedStage[]): number {
  return 1 / stages.length / Math.max(...stages.map(({ share }) => share));
}

function table(id: string, stages: readonly PlannedStage[], unit: string): string {
  const rows = stages.map(({ stage, parts, share, parameterBytes: bytes }) => {
    const bar = "#".repeat(Math.max(1, Math.round(share * 30)));
    return [String(stage), parts, `${(share * 100).toFixed(1)} %`, formatBytes(bytes), bar];
  });
  const header = ["stage", "parts", "cost", "weights", ""];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
  const balance = `balance ${balanceOf(stages).toFixed(3)} (1 is even), cost in ${unit}`;
  return `${[`${id} over ${stages.length} ${stages.length === 1 ? "stage" : "stages"}`, "", line(header), ...rows.map(line), "", balance].join("\n")}\n`;
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new SettingsError(`${flag}: expected a whole number of at least 1, got "${text}"`);
  return value;
}
