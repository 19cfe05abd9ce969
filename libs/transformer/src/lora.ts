/**
 * @file Low-rank adapters of linear layers: Hu et al. 2021 (arXiv 2106.09685), as peft's LoRA.
 *
 * In training what an adapter reads may be dropped, as peft's `lora_dropout` has it. An adapted layer computes `x W^T + bias + alpha / rank * (x A^T) B^T` (linear.ts). Only A and B are trained, so the backward pass
 * has no gradient of W to compute.
 *
 * Dimensions: I inputs, O outputs, R rank.
 */
import { parameter, type Tensor } from "@stagecoach/graph";
import type { EncoderModel } from "./encoderModel.ts";
import type { LayerNames } from "./families/family.ts";
import type { LinearAdapter } from "./linear.ts";

export type LoraOptions = {
  /** R */
  readonly rank: number;
  /** The scale is `alpha / rank`. */
  readonly alpha: number;
  /** Linear layers that are adapted, by their whole names: `encoder.layer.0.attention.self.query`. */
  readonly modules: readonly string[];
  /** Beginnings of names of weights that are trained as a whole beside the adapters: `classifier`. peft's `modules_to_save`. */
  readonly saved: readonly string[];
  /** Rate at which what adapters read is dropped in training: peft's `lora_dropout`. Default: 0. */
  readonly dropout?: number | undefined;
};

/** Names of an adapter's weights: A is `[R, I]`, B `[O, R]`. peft puts `base_model.model.` before them. */
export const loraNames = (module: string) => ({ a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` });

/** Whether a weight is one of an adapter's. */
export function isLoraName(name: string): boolean {
  return /\.lora_[AB]\.weight$/.test(name);
}

/** Of the layer `module`, which has `numInputs` and `numOutputs`. Nothing where it is not adapted. */
export function adapterOf(
  lora: LoraOptions | undefined,
  {
    module,
    numInputs,
    numOutputs,
    mask_TI,
  }: {
    readonly module: string;
    readonly numInputs: number;
    readonly numOutputs: number;
    readonly mask_TI?: Tensor | undefined;
  },
): LinearAdapter | undefined {
  if (lora === undefined || !lora.modules.includes(module)) return undefined;
  const { a, b } = loraNames(module);
  const { rank, alpha } = lora;
  return {
    a_RI: parameter(a, [rank, numInputs]),
    b_OR: parameter(b, [numOutputs, rank]),
    scale: alpha / rank,
    mask_TI,
  };
}

/** Names of all linear layers of the encoder's layers, in the order of the model. */
export function linearModules(model: EncoderModel): string[] {
  return modulesOf(model, ["query", "key", "value", "attentionOutput", "up", "down"]);
}

/** The layers of an encoder that LoRA's authors and peft adapt when nobody says which: queries and values. */
export function standardLoraModules(model: EncoderModel): string[] {
  return modulesOf(model, ["query", "value"]);
}

function modulesOf({ family, config }: EncoderModel, kinds: readonly (keyof LayerNames)[]): string[] {
  const layers = Array.from({ length: config.numLayers }, (_, layer) => family.layerNames(layer));
  return layers.flatMap((names) => kinds.map((kind) => names[kind]));
}

/**
 * An adapted layer's weight with the adapter in it: `W + alpha / rank * B A`.
 *
 * @param weight - W `[O, I]`; changed in place
 */
export function mergeLora(
  weight: Float32Array,
  { a, b }: { readonly a: Float32Array; readonly b: Float32Array },
  { rank, alpha }: Pick<LoraOptions, "rank" | "alpha">,
): void {
  const numInputs = a.length / rank;
  const scale = alpha / rank;
  for (let at = 0; at < weight.length; at++) {
    const [output, input] = [Math.floor(at / numInputs), at % numInputs];
    let change = 0;
    for (let r = 0; r < rank; r++) change += b[output * rank + r]! * a[r * numInputs + input]!;
    weight[at]! += scale * change;
  }
}
