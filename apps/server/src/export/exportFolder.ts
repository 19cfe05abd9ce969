/**
 * @file A model's folder with its weights in another precision: what a model is given away in.
 *
 * All other files come along as they are, weights of the modules behind the pooling included, which are small.
 */
import { MAX_FLOAT16 } from "@stagecoach/transformer";
import { openWholeWeights, writeSafetensors, jsonReader, type TensorToWrite } from "@stagecoach/transformer/node";
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { InvalidInputError } from "../embedding/errors.ts";
import type { WrittenFile } from "./exportOnnx.ts";

export const exportedDtypes = ["float32", "float16"] as const;
export type ExportedDtype = (typeof exportedDtypes)[number];

const WEIGHTS = "model.safetensors";
/** Of the folder itself: weights in any form, what hubs add, and what an adapter says of itself, which is in the weights then. */
const leftOut =
  /^adapter_(config|base)\.json$|\.(safetensors|safetensors\.index\.json|bin|onnx|h5|msgpack|ot|pt)$|^\.|^(onnx|openvino|checkpoints)$/;

/**
 * @param path - a new folder; it appears at once
 * @throws InvalidInputError where it is there already or inside of the model, and for a weight that float16 cannot hold; CheckpointError
 */
export async function exportFolder(folder: string, path: string, dtype: ExportedDtype): Promise<WrittenFile[]> {
  const output = resolve(path);
  const isInside = !relative(folder, output).startsWith("..");
  if (isInside) throw new InvalidInputError(`--output: expected a folder outside of the model's, got ${output}`);
  if (existsSync(output)) throw new InvalidInputError(`--output: expected a new folder, got ${output}, which is there`);
  const temporary = `${output}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    for (const name of readdirSync(folder)) {
      if (!leftOut.test(name))
        await cp(join(folder, name), join(temporary, name), { recursive: true, dereference: true });
    }
    const config = (await jsonReader(folder)("config.json")) as object;
    // What transformers computes in: as we do, in float32 from whatever the weights are kept in, which gives it our vectors.
    const told = `${JSON.stringify({ ...config, torch_dtype: undefined, dtype: "float32" }, null, 2)}\n`;
    await writeFile(join(temporary, "config.json"), told);
    await writeWeights(folder, join(temporary, WEIGHTS), dtype);
    await rename(temporary, output);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  const written = join(output, WEIGHTS);
  return [{ path: written, bytes: (await stat(written)).size }];
}

async function writeWeights(folder: string, path: string, dtype: ExportedDtype): Promise<void> {
  await using source = await openWholeWeights(folder);
  const tensors = new Map<string, TensorToWrite>();
  for (const name of source.names()) {
    const { dtype: own, shape } = source.entry(name);
    const isFloat = ["F64", "F32", "F16", "BF16"].includes(own);
    // Buffers such as position ids stay what they are.
    const kept: TensorToWrite = { dtype: own, shape, data: () => source.readBytes(name) };
    const read = async () => converted(name, await source.readFloat32(name), dtype);
    tensors.set(name, isFloat ? { dtype: dtype === "float16" ? "F16" : "F32", shape, data: read } : kept);
  }
  await writeSafetensors(path, tensors);
}

/** Rounded to the nearest, ties to even, as IEEE 754 says. @throws InvalidInputError */
function converted(name: string, values: Float32Array, dtype: ExportedDtype): Float32Array | Float16Array {
  if (dtype === "float32") return values;
  const wrong = values.find((value) => Math.abs(value) > MAX_FLOAT16);
  if (wrong !== undefined)
    throw new InvalidInputError(
      `--dtype: expected weights that float16 can hold, got ${wrong} in ${name} (take float32)`,
    );
  return new Float16Array(values);
}
