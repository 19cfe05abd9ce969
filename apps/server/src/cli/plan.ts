/** @file `stagecoach plan`: which layers go to which stage, and what a training step will look like, before anything is started. */
import { modelCosts, parameterBytes, planStages, stageCost, type ModelCosts } from "@stagecoach/parallel";
import { measureModelCosts } from "@stagecoach/parallel/node";
import { readEncoderModel, type EncoderModel, type LayerRange } from "@stagecoach/transformer";
import { jsonReader, resolveModel } from "@stagecoach/transformer/node";
import { Command } from "commander";
import { DEFAULT_MODEL } from "../config/settings.ts";
import { formatBytes } from "../progress/progressBar.ts";
import {
  addScheduleOptions,
  describeStep,
  expectNoScheduleFlags,
  planStep,
  writePictures,
  type ScheduleOptions,
} from "./planStep.ts";
import { alignedRows } from "./alignedRows.ts";
import type { Host } from "./runCommandLine.ts";
import { whole } from "./whole.ts";

type PlanOptions = ScheduleOptions & {
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

type LayerPlan = {
  readonly model: string;
  readonly unit: "seconds" | "operations";
  readonly costs: ModelCosts;
  readonly stages: readonly PlannedStage[];
  /** Mean over largest cost: 1 when all stages have the same to do. */
  readonly balance: number;
};

export function planCommand(host: Host): Command {
  const command = new Command("plan").description(
    "show which layers go to which stage; with --schedule, simulate a training step",
  );
  command
    .option("--model <dir|id>", "folder or hub id of the model (with --schedule: none unless given)", DEFAULT_MODEL)
    .option("--revision <rev>", "branch, tag or commit of a hub model")
    .option("--stages <n>", "number of stages", "2")
    .option("--measure", "time every layer on this machine instead of counting its operations")
    .option("--threads <n>", "threads for --measure", "1")
    .option("--json", "print JSON");
  addScheduleOptions(command);
  return command.action(async () => {
    const options = command.opts<PlanOptions>();
    const { schedule, json } = options;
    const numStages = whole("--stages", options.stages);
    const isAboutModel = ["model", "revision", "measure"].some((name) => command.getOptionValueSource(name) === "cli");
    if (schedule === undefined) {
      expectNoScheduleFlags(command);
      const plan = await planLayers(options, numStages);
      host.stdout.write(json === true ? jsonText(plan) : table(plan));
      return;
    }
    const layers = isAboutModel ? await planLayers(options, numStages) : null;
    const step = planStep({ ...options, schedule }, { numStages, forwardMs: forwardMsOf(layers, numStages) });
    const written = await writePictures(options, step);
    if (json === true) {
      host.stdout.write(jsonText({ ...layers, step }));
      return;
    }
    const source = options.forwardMs !== undefined ? "given" : sourceOf(layers);
    const above = layers === null ? "" : `${table(layers)}\n`;
    host.stdout.write(`${above}${describeStep(step, source)}${written.map((path) => `${path}\n`).join("")}`);
  });
}

async function planLayers(options: PlanOptions, numStages: number): Promise<LayerPlan> {
  const { model: reference, revision, measure, threads } = options;
  const { folder, id } = await resolveModel(reference, { revision });
  const model = await readEncoderModel(jsonReader(folder));
  const costs =
    measure === true
      ? await measureModelCosts({ folder, threads: whole("--threads", threads), engine: "onnxruntime" })
      : modelCosts(model);
  const stages = describePlan(model, costs, numStages);
  return { model: id, unit: measure === true ? "seconds" : "operations", costs, stages, balance: balanceOf(stages) };
}

/** Forward passes by stage: as measured, or in the proportions of the counted operations with a mean of 1 ms, or 1 ms each. */
function forwardMsOf(layers: LayerPlan | null, numStages: number): number[] {
  if (layers === null) return Array.from({ length: numStages }, () => 1);
  const { unit, costs, stages } = layers;
  return stages.map(({ layers: range, share }) =>
    unit === "seconds" ? 1000 * stageCost(costs, range) : share * numStages,
  );
}

function sourceOf(layers: LayerPlan | null): string {
  if (layers === null) return "no model: 1 ms each";
  return layers.unit === "seconds" ? "forward measured" : "from operations, as if the mean were 1 ms";
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
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

function balanceOf(stages: readonly PlannedStage[]): number {
  return 1 / stages.length / Math.max(...stages.map(({ share }) => share));
}

function table({ model, stages, unit, balance }: LayerPlan): string {
  const rows = stages.map(({ stage, parts, share, parameterBytes: bytes }) => {
    const bar = "#".repeat(Math.max(1, Math.round(share * 30)));
    return [String(stage), parts, `${(share * 100).toFixed(1)} %`, formatBytes(bytes), bar];
  });
  const header = ["stage", "parts", "cost", "weights", ""];
  const evenness = `balance ${balance.toFixed(3)} (1 is even), cost in ${unit}`;
  return `${[`${model} over ${stages.length} ${stages.length === 1 ? "stage" : "stages"}`, "", ...alignedRows([header, ...rows]), "", evenness].join("\n")}\n`;
}
