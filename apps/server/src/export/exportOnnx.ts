/**
 * @file A model as an ONNX file: the graph that our engine runs, behind the inputs that others know.
 *
 * Inputs: `input_ids`, `attention_mask` and (where the model tells segments apart) `token_type_ids`, `[batch, sequence]` int64, as
 * transformers and optimum give them. Outputs: `sentence_embedding` `[batch, E]`, of unit length if the model's modules say so, and
 * `last_hidden_state` `[tokens, D]`, the real tokens of all texts one after another. ONNX Runtime runs it: fused operators are its own.
 */
import {
  emitOnnx,
  encodeOnnxModel,
  evaluateConstant,
  onnxRuntimeFusedOperations,
  paddedInputs,
} from "@stagecoach/engine";
import { nameOf, optimize } from "@stagecoach/graph";
import { checkpointParameters } from "@stagecoach/parallel";
import { stageGraph, type EncoderModel } from "@stagecoach/transformer";
import { openModelFolder } from "@stagecoach/transformer/node";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { InvalidInputError } from "../embedding/errors.ts";
import { version } from "../version.ts";

export type WrittenFile = { readonly path: string; readonly bytes: number };

/**
 * @param output - path of the `.onnx` file; weights go into `<output>.data`, since protobuf ends at 2 GB
 * @throws InvalidInputError for a family whose graph needs more than padded inputs
 */
export async function exportOnnx(folder: string, output: string): Promise<WrittenFile[]> {
  const opened = await openModelFolder(folder);
  try {
    const { model, weights } = opened;
    if (model.config.relativeAttentionBuckets > 0) {
      throw new InvalidInputError(
        `export: ${model.config.modelType} needs relative positions as an input, which the exported interface does not have`,
      );
    }
    const whole = { start: 0, end: model.config.numLayers };
    const graph = stageGraph(model, whole, { withNormalize: true });
    const optimized = optimize(graph, { fusedOperations: onnxRuntimeFusedOperations, evaluate: evaluateConstant });
    const parameters = checkpointParameters(model, weights);
    const data = `${output}.data`;
    await mkdir(dirname(output), { recursive: true });
    const places = await writeWeights(
      data,
      optimized.parameters.map(nameOf),
      async (name) => (await parameters.read(name)).data,
    );
    const onnx = emitOnnx(optimized, {
      graphName: basename(output, ".onnx"),
      parameterValues: (name) => ({ location: basename(data), ...places.get(name)! }),
      metadata: {
        producer_version: version,
        pooling: model.modules.pooling.join("+"),
        max_length: String(model.modules.maxLength),
      },
      prologue: (builder) => paddedInputs(builder, prologueFacts(model)),
    });
    await writeDurably(output, (file) => file.writeFile(encodeOnnxModel(onnx)));
    return await Promise.all([output, data].map(async (path) => ({ path, bytes: (await stat(path)).size })));
  } finally {
    await opened.close();
  }
}

function prologueFacts({ config, family }: EncoderModel) {
  return { numTokenTypes: config.typeVocabSize, positions: family.positions(config) };
}

type Place = { readonly offset: number; readonly length: number };

/** Offsets at multiples of 4096, so that a runtime can map them. */
const ALIGNMENT = 4096;

async function writeWeights(
  path: string,
  names: readonly string[],
  read: (name: string) => Promise<ArrayBufferView>,
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  await writeDurably(path, async (file) => {
    let end = 0;
    for (const name of names) {
      const values = await read(name);
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      await file.write(
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
        0,
        values.byteLength,
        offset,
      );
      places.set(name, { offset, length: values.byteLength });
      end = offset + values.byteLength;
    }
  });
  return places;
}

/** Written aside, flushed, renamed. */
async function writeDurably(
  path: string,
  write: (file: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, "w");
    await write(file);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
}
