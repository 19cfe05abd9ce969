/** @file A model that our trainer has made of the tiny encoder in a few steps, and what it gives for texts. */
import { hostParameters, runToHost, type HostTensor } from "@stagecoach/engine";
import { loadEngine } from "@stagecoach/engine/node";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { openInitialParameters } from "@stagecoach/training/node";
import {
  readTask,
  taskParameters,
  stageGraph,
  trainingStageInputs,
  type Target,
  type TaskModel,
  type TaskName,
} from "@stagecoach/transformer";
import { jsonReader } from "@stagecoach/transformer/node";
import { join } from "node:path";
import { openLocalPipeline } from "./openLocalPipeline.ts";
import { runTrainingJob } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";
import { tinyEncoder } from "./paths.ts";
import { writeToyQuestions, writeToyTexts } from "./toyTexts.ts";

/** @param folder - a new one @returns the model's folder */
export async function trainTinyModel(folder: string, task: TaskName): Promise<string> {
  const data = `${folder}.jsonl`;
  if (task === "question-answering") writeToyQuestions(data, 24);
  else writeToyTexts(data, 24, 5);
  const settings = trainingSettingsSchema.parse({
    model: tinyEncoder,
    task,
    data: { path: data },
    stages: 2,
    threads: 1,
    hyperparameters: { n_epochs: 1, batch_size: 8, learning_rate: 5e-3, warmup_steps: 0 },
  });
  await runTrainingJob(settings, { folder, openPipeline: openLocalPipeline });
  return join(folder, "model");
}

export type ServedText = { readonly ids: readonly number[]; readonly logits: readonly number[] };

/** Logits of each text alone, as our loader reads the folder; of all tokens for masked-LM and question answering. */
export async function serveTexts(folder: string, texts: readonly string[]): Promise<ServedText[]> {
  const task = readTask(await jsonReader(folder)("config.json"))!;
  const parameters = await openInitialParameters(folder, { task, seed: 0, replaceHead: false });
  if (parameters.missing.length > 0) throw new Error(`missing: ${parameters.missing.join(", ")}`);
  const { model } = parameters;
  const weights: Record<string, HostTensor> = {};
  for (const { name } of taskParameters(model)) weights[name] = await parameters.parameter(name);
  await parameters.close();
  const engine = await loadEngine("onnxruntime", { threads: 1 });
  const graph = stageGraph(model, { start: 0, end: model.config.numLayers }, { task: model.task });
  const executable = await engine.compile(graph, hostParameters(weights));
  const tokenizer = await loadTokenizer(folder);
  const served: ServedText[] = [];
  for (const text of texts) {
    const { ids } = tokenizer.encodeIds(text);
    const outputs = await runToHost(executable, trainingStageInputs(model, graph.inputs, batchOf(model, ids)));
    served.push({ ids: [...ids], logits: [...(outputs["logits"] ?? outputs["masked_lm_logits"])!.data] });
  }
  await executable.dispose();
  await engine.dispose();
  return served;
}

function batchOf({ task }: TaskModel, ids: Int32Array) {
  const rows = { dtype: "int32" as const, shape: [ids.length], data: ids.map((_, row) => row) };
  const targets: Readonly<Record<string, Target>> = task.name === "masked-lm" ? { masked_rows: rows } : {};
  return {
    inputIds: ids,
    tokenTypeIds: new Int32Array(ids.length),
    lengths: Int32Array.of(ids.length),
    textIds: Int32Array.of(0),
    targets,
    counts: {},
  };
}
