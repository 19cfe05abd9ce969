/** @file The dropout masks that a traced stage asks for, for one micro-batch. */
import type { HostTensor } from "@stagecoach/engine";
import { nameOf, type Tensor } from "@stagecoach/graph";
import { rateOfSite, type DropoutRates, type EncoderConfig } from "@stagecoach/transformer";
import { maskSize, type MaskBatch, type MaskRequest, type MaskShape } from "./dropoutMasks.ts";
import type { MaskMaker } from "./maskMaker.ts";

export type DropoutOptions = { readonly rates: DropoutRates; readonly seed: number };

export type MaskInputOptions = {
  readonly maker: MaskMaker;
  readonly rates: DropoutRates;
  readonly config: EncoderConfig;
};

/**
 * @param inputs - of the traced graph; those named `dropout.*` get a mask
 * @returns masks in memory of the maker, to be given back to it
 */
export async function maskInputs(
  inputs: readonly Tensor[],
  batch: MaskBatch,
  { maker, rates, config }: MaskInputOptions,
): Promise<Readonly<Record<string, HostTensor>>> {
  const longest = batch.lengths.reduce((a, b) => Math.max(a, b), 0);
  const numTokens = batch.lengths.reduce((a, b) => a + b, 0);
  const sizes: Readonly<Record<string, number>> = { B: batch.lengths.length, L: longest, T: numTokens };
  const requests: MaskRequest[] = [];
  const result: Record<string, HostTensor> = {};
  for (const node of inputs) {
    const site = nameOf(node);
    const rate = rateOfSite(rates, site);
    if (rate === null) continue;
    const shape = maskShape(node, config);
    const into = maker.memory.take(maskSize(shape, batch));
    requests.push({ site, rate, shape, into });
    const dims = node.shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]!));
    result[site] = { dtype: "float32", shape: dims, data: into };
  }
  await maker.make(requests, batch);
  return result;
}

function maskShape({ shape }: Tensor, { numHeads }: EncoderConfig): MaskShape {
  if (shape.length === 4) return { kind: "attention", numHeads };
  return { kind: shape[0] === "T" ? "tokens" : "texts", width: shape[1] as number };
}
