/** @file `stagecoach data preview`: what a data file is to a model, before it is trained on. */
import { dataFormats, type DataFormat } from "@stagecoach/training";
import { dataSplits, type DataSplit } from "@stagecoach/training/node";
import { taskNames, type TaskName } from "@stagecoach/transformer";
import { Command, Option } from "commander";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SettingsError } from "../config/loadSettings.ts";
import { DEFAULT_MODEL } from "../config/settings.ts";
import { previewData } from "../preview/previewData.ts";
import { previewText } from "../preview/previewText.ts";
import { PhaseBars } from "../progress/phaseBars.ts";
import { columnOption, columnsOf, dataConfigOption } from "./columnFlags.ts";
import type { Host } from "./runCommandLine.ts";
import { whole } from "./whole.ts";

type Flags = {
  readonly model: string;
  readonly revision?: string;
  readonly format?: DataFormat;
  readonly split?: DataSplit;
  readonly dataConfig?: string;
  readonly task?: TaskName;
  readonly column?: readonly string[];
  readonly maxLength?: string;
  readonly rows: string;
};

export function dataCommand(host: Host): Command {
  const preview = new Command("preview")
    .description("show what a data file is to a model: task, columns, labels, lengths in tokens, first rows")
    .argument(
      "<file>",
      "JSONL, JSON, CSV, TSV or text, also gzipped, or Parquet; or the folder of a data set from the hub",
    )
    .option("--model <dir|id>", "whose tokens are counted", DEFAULT_MODEL)
    .option("--revision <rev>", "branch, tag or commit of a hub model")
    .addOption(new Option("--format <format>", "of the file; by its name when left out").choices(dataFormats))
    .addOption(new Option("--split <name>", "of a folder (default: train)").choices(dataSplits))
    .addOption(dataConfigOption())
    .addOption(new Option("--task <kind>", "by the columns when left out").choices(taskNames))
    .addOption(columnOption())
    .option("--max-length <n>", "tokens of a text; the task's when left out")
    .option("--rows <n>", "rows to show", "3");
  preview.action(async (file: string) => {
    const flags = preview.opts<Flags>();
    const stopping = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      host.on(signal, () => stopping.abort(new SettingsError("stopped")));
    const bars = new PhaseBars(host.stderr);
    const folder = await mkdtemp(join(tmpdir(), "stagecoach-preview-"));
    try {
      const found = await previewData({
        data: { path: resolve(file), name: file, format: flags.format, split: flags.split, config: flags.dataConfig },
        model: flags.model,
        revision: flags.revision,
        task: flags.task,
        columns: flags.column === undefined ? undefined : columnsOf(flags.column),
        maxLength: flags.maxLength === undefined ? undefined : whole("--max-length", flags.maxLength),
        numRows: whole("--rows", flags.rows),
        folder,
        onDownload: (progress) => bars.downloading(progress),
        onReading: (progress) => bars.reading(progress),
        signal: stopping.signal,
      });
      bars.finish();
      host.stdout.write(previewText(found));
    } finally {
      bars.finish();
      await rm(folder, { recursive: true, force: true });
    }
  });
  return new Command("data").description("look at data files").addCommand(preview);
}
