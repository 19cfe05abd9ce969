/** @file `stagecoach train`: a model trained on a file, without a server. */
import { Command } from "commander";
import { pino, type Logger } from "pino";
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { SettingsError } from "../config/loadSettings.ts";
import { train } from "../search/train.ts";
import { isFreshFolder, jobPaths, readJobSettings, TrainingJobError } from "../training/jobFolder.ts";
import { workerPipelines } from "../training/openTrainingPipeline.ts";
import type { TrainingSettings } from "../training/trainingSettings.ts";
import type { Host } from "./runCommandLine.ts";
import { defaultOutput } from "./runName.ts";
import { settingsOf, trainOptions, type TrainFlags } from "./trainFlags.ts";
import { TrainingDisplay } from "./trainingDisplay.ts";

export function trainCommand(host: Host): Command {
  const command = new Command("train").description(
    "train a model on a file of examples, or go on with a run (--resume)",
  );
  for (const option of trainOptions()) command.addOption(option);
  return command.action(async () => {
    const flags = command.opts<TrainFlags>();
    const { folder, shown, settings } = flags.resume === undefined ? newRun(flags) : await begunRun(flags);
    const display = new TrainingDisplay(host.stderr);
    const stopping = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      host.on(signal, () => {
        if (!stopping.signal.aborted) display.note("stopping: the step at work is finished, and a checkpoint saved");
        stopping.abort("shutdown");
      });
    }
    try {
      const result = await train(settings, {
        folder,
        openPipeline: workerPipelines({ log: noteLog(display), signal: stopping.signal }),
        onEvent: (event) => display.show(event),
        signal: stopping.signal,
      });
      display.finish();
      host.stdout.write(display.summary(result, shown));
    } catch (error) {
      display.finish();
      if (existsSync(jobPaths(folder).settings)) display.note(`go on with: stagecoach train --resume ${shown}`);
      throw error;
    }
  });
}

/** What workers warn of, as notes above the progress bar. */
function noteLog(display: TrainingDisplay): Logger {
  return pino(
    { level: "warn" },
    {
      write(line) {
        const { msg, reason } = JSON.parse(line) as { readonly msg: string; readonly reason?: string };
        display.note(reason === undefined ? msg : `${msg}: ${reason}`);
      },
    },
  );
}

type Run = {
  readonly folder: string;
  /** The folder as it was given. */
  readonly shown: string;
  readonly settings: TrainingSettings;
};

function newRun(flags: TrainFlags): Run {
  const settings = settingsOf(flags);
  const { output = defaultOutput(settings) } = flags;
  if (!isFreshFolder(output)) {
    const found = statSync(output).isDirectory() ? "with files in it" : "which is a file";
    const remedy = existsSync(jobPaths(output).settings)
      ? `--resume ${output} goes on with the run in it`
      : "name another one";
    const message = `--output: expected a new or empty folder, got ${output} ${found} (${remedy})`;
    throw new TrainingJobError("training_folder_not_empty", message);
  }
  return { folder: resolve(output), shown: output, settings };
}

/** A run goes on with the settings that it began with; only how the model is cut into stages may be another. */
async function begunRun({ resume, stages, ...others }: TrainFlags): Promise<Run> {
  const given = Object.keys(others).filter((name) => others[name] !== undefined);
  if (given.length > 0) {
    throw new SettingsError(
      `--resume: expected no other flag than --stages, got ${given.join(", ")} (a run goes on with the settings that it began with)`,
    );
  }
  const settings = await readJobSettings(resume!);
  if (settings === null) {
    throw new TrainingJobError(
      "training_folder_empty",
      `--resume: expected a folder in which a run has begun, got ${resume} without training.json`,
    );
  }
  const merged = stages === undefined ? settings : { ...settings, stages: stagesOf(stages) };
  return { folder: resolve(resume!), shown: resume!, settings: merged };
}

function stagesOf(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  throw new SettingsError(`--stages: expected a whole number of at least 1, got ${String(value)}`);
}
