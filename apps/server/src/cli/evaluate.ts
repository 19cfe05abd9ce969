/** @file `stagecoach evaluate`: how good a model is on a file of examples. */
import { engineNames, type EngineName } from "@stagecoach/engine/node";
import { dataFormats, type DataFormat } from "@stagecoach/training";
import { taskNames, type TaskName } from "@stagecoach/transformer";
import { Command, Option } from "commander";
import { pino } from "pino";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SettingsError } from "../config/loadSettings.ts";
import { DEFAULT_MODEL } from "../config/settings.ts";
import { threadsEach } from "../config/threadsEach.ts";
import { evaluateModel, type EvaluationEvent, type ModelEvaluation } from "../evaluation/evaluateModel.ts";
import { PhaseBars } from "../progress/phaseBars.ts";
import { workerPipelines } from "../training/openTrainingPipeline.ts";
import { dataWarnings } from "../training/prepareData.ts";
import { columnOption, columnsOf, dataConfigOption } from "./columnFlags.ts";
import { measuredLines } from "./measuredLines.ts";
import type { Host } from "./runCommandLine.ts";
import { whole } from "./whole.ts";

type Flags = {
  readonly model: string;
  readonly revision?: string;
  readonly data: string;
  readonly dataConfig?: string;
  readonly format?: DataFormat;
  readonly task?: TaskName;
  readonly column?: readonly string[];
  readonly maxLength?: string;
  readonly dimensions?: string;
  readonly onBadLine?: "error" | "skip";
  readonly stages: string;
  readonly engine: EngineName;
  readonly threads?: string;
  readonly json?: string;
};

export function evaluateCommand(host: Host): Command {
  const command = new Command("evaluate")
    .description(
      "measure a model on a file of examples: its head by the task's metrics, its vectors by retrieval or similarity",
    )
    .option("--model <dir|id>", "folder or hub id of the model", DEFAULT_MODEL)
    .option("--revision <rev>", "branch, tag or commit of a hub model")
    .requiredOption(
      "--data <file>",
      "file of examples: JSONL, JSON, CSV, TSV or text, also gzipped, or Parquet; or the folder of a data set from the hub, whose test split is taken",
    )
    .addOption(dataConfigOption())
    .addOption(new Option("--format <format>", "of the file; by its name when left out").choices(dataFormats))
    .addOption(
      new Option("--task <kind>", "the model's own when left out; sentence-embedding measures vectors").choices(
        taskNames,
      ),
    )
    .addOption(columnOption())
    .option("--max-length <n>", "tokens of a text; the model's when left out")
    .option("--dimensions <n>", "cut vectors to this size")
    .addOption(new Option("--on-bad-line <rule>", "stop, or leave the line out").choices(["error", "skip"]))
    .option("--stages <n>", "stages of the pipeline that computes a head", "1")
    .addOption(new Option("--engine <name>", "what multiplies matrices").choices(engineNames).default("onnxruntime"))
    .option("--threads <n>", "threads of each stage (default: the cores, divided by the stages)")
    .option("--json <file>", "also write the numbers here");
  return command.action(async () => {
    const flags = command.opts<Flags>();
    const stopping = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      host.on(signal, () => stopping.abort(new SettingsError("stopped: nothing was measured")));
    const bars = new PhaseBars(host.stderr);
    const folder = await mkdtemp(join(tmpdir(), "stagecoach-evaluate-"));
    try {
      const report = await evaluateModel(settingsOf(flags), {
        folder,
        openPipeline: workerPipelines({ log: pino({ level: "warn" }, pino.destination(2)), signal: stopping.signal }),
        onEvent: (event) => show(event, bars),
        signal: stopping.signal,
      });
      bars.finish();
      for (const warning of dataWarnings([report.data])) bars.note(`warning: ${warning}`);
      host.stdout.write(shown(report, flags.model));
      if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(asJson(report, flags), null, 2)}\n`);
    } finally {
      bars.finish();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

function settingsOf({
  data,
  dataConfig: config,
  format,
  column,
  maxLength,
  dimensions,
  stages,
  threads,
  onBadLine,
  ...flags
}: Flags) {
  const numStages = whole("--stages", stages);
  return {
    ...flags,
    data: { path: resolve(data), name: data, format, config, split: "test" as const },
    columns: column === undefined ? undefined : columnsOf(column),
    maxLength: maxLength === undefined ? undefined : whole("--max-length", maxLength),
    dimensions: dimensions === undefined ? undefined : whole("--dimensions", dimensions),
    onBadRow: onBadLine,
    stages: numStages,
    threads: threads === undefined ? threadsEach(numStages) : whole("--threads", threads),
  };
}

function shown({ kind, metrics, classes, data }: ModelEvaluation, model: string): string {
  return [
    "",
    `  ${model}: ${kind} on ${data.numExamples.toLocaleString("en-US")} examples of ${data.file}`,
    ...measuredLines(metrics, classes ?? null),
    "",
    "",
  ].join("\n");
}

function asJson({ kind, metrics, classes, confusion, labels, data }: ModelEvaluation, flags: Flags): object {
  const { model, dimensions } = flags;
  return {
    model,
    kind,
    dimensions: dimensions && Number(dimensions),
    data: data.file,
    examples: data.numExamples,
    metrics,
    labels,
    classes,
    confusion,
  };
}

function show(event: EvaluationEvent, bars: PhaseBars): void {
  switch (event.type) {
    case "download":
      return bars.downloading(event);
    case "reading":
      return bars.reading(event);
    case "note":
      return bars.note(event.message);
    case "evaluating":
      break;
  }
  const { done, total, unit } = event;
  bars.update(unit, { label: `evaluating ${unit}`, done, total, unit });
}
