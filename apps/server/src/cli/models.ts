/** @file `stagecoach models`: get a model ahead of time, say what it is, export it as ONNX. */
import { planStages, modelCosts, parameterBytes } from "@stagecoach/parallel";
import { readEncoderModel } from "@stagecoach/transformer";
import { jsonReader, resolveModel } from "@stagecoach/transformer/node";
import { Command, Option } from "commander";
import { SettingsError } from "../config/loadSettings.ts";
import { DEFAULT_MODEL } from "../config/settings.ts";
import { exportedDtypes, exportFolder, type ExportedDtype } from "../export/exportFolder.ts";
import { exportOnnx } from "../export/exportOnnx.ts";
import { formatBytes, ProgressBar } from "../progress/progressBar.ts";
import type { Host } from "./runCommandLine.ts";

type ModelOptions = { model: string; revision?: string };
type ExportOptions = ModelOptions & { format: "onnx" | "safetensors"; output: string; dtype?: ExportedDtype };

export function modelsCommand(host: Host): Command {
  const command = new Command("models").description("download, describe and export models");
  const resolve = async ({ model, revision }: ModelOptions) => {
    const bar = new ProgressBar(host.stderr);
    const resolved = await resolveModel(model, {
      revision,
      onProgress: ({ file, bytes, totalBytes }) => bar.update({ label: file, done: bytes, total: totalBytes }),
      onWarning: (warning) => void host.stderr.write(`stagecoach: ${warning}\n`),
    });
    bar.finish();
    return resolved;
  };
  const withModel = (each: Command) =>
    each
      .option("--model <dir|id>", "folder or hub id of the model", DEFAULT_MODEL)
      .option("--revision <rev>", "branch, tag or commit of a hub model");

  const download = withModel(new Command("download").description("download a model into the Hugging Face cache"));
  download.action(async () => {
    const { folder } = await resolve(download.opts<ModelOptions>());
    host.stdout.write(`${folder}\n`);
  });

  const show = withModel(new Command("show").description("say what a model is: architecture, size, pooling, prompts"));
  show.action(async () => {
    const { folder } = await resolve(show.opts<ModelOptions>());
    const model = await readEncoderModel(jsonReader(folder));
    const { config, modules } = model;
    const [whole] = planStages(modelCosts(model), 1);
    const facts = { folder, ...config, ...modules, weights: formatBytes(parameterBytes(model, whole!)) };
    host.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
  });

  const exported = withModel(
    new Command("export").description(
      "write the graph that runs as a file for others, or the model's folder with its weights in another precision",
    ),
  );
  exported
    .addOption(new Option("--format <format>", "file format").choices(["onnx", "safetensors"]).makeOptionMandatory())
    .requiredOption(
      "--output <path>",
      "onnx: the file to write, with weights beside it as <file>.data; safetensors: a new folder",
    )
    .addOption(new Option("--dtype <type>", "of the weights (safetensors; default: float32)").choices(exportedDtypes));
  exported.action(async () => {
    const options = exported.opts<ExportOptions>();
    if (options.dtype !== undefined && options.format === "onnx")
      throw new SettingsError("--dtype: expected it with --format safetensors, got onnx, which is written in float32");
    const { folder } = await resolve(options);
    const written =
      options.format === "onnx"
        ? await exportOnnx(folder, options.output)
        : await exportFolder(folder, options.output, options.dtype ?? "float32");
    host.stdout.write(`${written.map(({ path, bytes }) => `${path}  ${formatBytes(bytes)}`).join("\n")}\n`);
  });

  return command.addCommand(download).addCommand(show).addCommand(exported);
}
