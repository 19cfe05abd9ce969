/** @file The dropout masks that a traced stage asks for, for one micro-batch. */
import type { HostTensor } from "@stagecoach/engine";
import { nameOf, type Tensor } from "@stagecoach/graph";
import { rateOfSite, type DropoutRates, type EncoderConfig } from "@stagecoach/transformer";
import type { DropoutMasks, MaskBatch, MaskShape } from "./dropoutMasks.ts";

export type DropoutOptions = { readonly rates: DropoutRates; readonly seed: number };

export type MaskOptions = {
  readonly masks: DropoutMasks;
  readonly rates: DropoutRates;
  readonly config: EncoderConfig;
};

/** @param inputs - of the traced graph; those named `dropout.*` get a mask */
export function maskInputs(
  inputs: readonly Tensor[],
  batch: MaskBatch,
  { masks, rates, config }: MaskOptions,
): Readonly<Record<string, HostTensor>> {
  const longest = batch.lengths.reduce((a, b) => Math.max(a, b), 0);
  const numTokens = batch.lengths.reduce((a, b) => a + b, 0);
  const sizes: Readonly<Record<string, number>> = { B: batch.lengths.length, L: longest, T: numTokens };
  const result: Record<string, HostTensor> = {};
  for (const node of inputs) {
    const name = nameOf(node);
    const rate = rateOfSite(rates, name);
    if (rate === null) continue;
    const data = masks.mask(name, batch, { rate, shape: maskShape(node, config) });
    result[name] = {
      dtype: "float32",
      shape: node.shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]!)),
      data,
    };
  }
  return result;
}

function maskShape({ shape }: Tensor, { numHeads, hiddenSize }: EncoderConfig): MaskShape {
  if (shape.length === 4) return { kind: "attention", numHeads };
  return { kind: shape[0] === "T" ? "tokens" : "texts", width: hiddenSize };
}
