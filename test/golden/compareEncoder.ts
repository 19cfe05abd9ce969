/**
 * @file An encoder on an engine, held against what PyTorch computed for it (tools/oracles/encoders.py, golden/make_golden.py).
 */
import { runToHost, type Engine } from "@stagecoach/engine";
import { checkpointParameters } from "@stagecoach/parallel";
import {
  poolingModes,
  stageGraph,
  stageInputs,
  type EncoderModel,
  type HiddenBatch,
  type TokenBatch,
  type WeightSource,
} from "@stagecoach/transformer";
import { openModelFolder, openSafetensors } from "@stagecoach/transformer/node";

export type Comparison = {
  /** Name of the golden tensor to the largest absolute error. */
  readonly errors: ReadonlyMap<string, number>;
  readonly modelType: string;
};

/** Run the model of a folder, cut into stages, on the golden inputs. @param cuts - first layers of the stages after the first */
export async function compareEncoder(
  folder: string,
  engine: Engine,
  cuts: readonly number[] = [],
): Promise<Comparison> {
  await using golden = await openSafetensors(`${folder}/golden.safetensors`);
  const opened = await openModelFolder(folder);
  const { model, weights } = opened;
  const { batch, rows } = await goldenBatch(golden);
  const parameters = checkpointParameters(model, weights);
  const withPooler = golden.has("output.pooler_output");
  const bounds = [0, ...cuts, model.config.numLayers];
  const errors = new Map<string, number>();

  let input: TokenBatch | HiddenBatch = batch;
  for (let stage = 0; stage + 1 < bounds.length; stage++) {
    const layers = { start: bounds[stage]!, end: bounds[stage + 1]! };
    const poolings =
      layers.end === model.config.numLayers ? poolingModes.filter((mode) => golden.has(`pooled.${mode}`)) : [];
    const outputs = await run(withPooling(model, poolings[0] ?? "mean"), layers);
    const hidden = Float32Array.from(outputs["last_hidden_state"]!.data);
    for (const mode of poolings) {
      const { sentence_embedding: pooled } = await run(withPooling(model, mode), layers);
      errors.set(`pooled.${mode}`, largestError(pooled!.data, await golden.readFloat32(`pooled.${mode}`)));
    }
    if (outputs["pooler_output"]) {
      errors.set(
        "pooler_output",
        largestError(outputs["pooler_output"].data, await golden.readFloat32("output.pooler_output")),
      );
    }
    input = { hidden, lengths: batch.lengths };
  }
  const expected = await golden.readFloat32("output.last_hidden_state");
  const { hiddenSize: D } = model.config;
  const packed = Float32Array.from(
    { length: rows.length * D },
    (_, place) => expected[rows[Math.floor(place / D)]! * D + (place % D)]!,
  );
  errors.set("last_hidden_state", largestError((input as HiddenBatch).hidden, packed));
  await opened.close();
  return { errors, modelType: model.config.modelType };

  async function run(pooledModel: EncoderModel, layers: { start: number; end: number }) {
    const graph = stageGraph(pooledModel, layers, { withPooler });
    const executable = await engine.compile(graph, parameters);
    const outputs = await runToHost(executable, stageInputs(pooledModel, graph, input));
    await executable.dispose();
    return outputs;
  }
}

function withPooling(model: EncoderModel, mode: (typeof poolingModes)[number]): EncoderModel {
  return { ...model, modules: { ...model.modules, pooling: [mode], transforms: [] } };
}

/** The padded golden inputs as a packed batch, and the padded row that each packed row came from. */
async function goldenBatch(golden: WeightSource): Promise<{ batch: TokenBatch; rows: number[] }> {
  const [B, L] = golden.entry("input.input_ids").shape as [number, number];
  const read = (name: string) =>
    golden.has(`input.${name}`) ? golden.readInt32(`input.${name}`) : Promise.resolve(new Int32Array(B * L));
  const [ids, mask, types] = await Promise.all([read("input_ids"), read("attention_mask"), read("token_type_ids")]);
  const rows = Array.from({ length: B * L }, (_, place) => place).filter((place) => mask[place] === 1);
  const lengths = Int32Array.from({ length: B }, (_, text) =>
    mask.subarray(text * L, (text + 1) * L).reduce((a, b) => a + b, 0),
  );
  return {
    batch: {
      lengths,
      inputIds: Int32Array.from(rows, (row) => ids[row]!),
      tokenTypeIds: Int32Array.from(rows, (row) => types[row]!),
    },
    rows,
  };
}

export function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`expected ${expected.length} values, got ${actual.length}`);
  return Array.from(expected).reduce((worst, value, index) => {
    const error = Math.abs(value - actual[index]!);
    return Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }, 0);
}
