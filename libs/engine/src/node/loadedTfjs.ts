/** @file What loading a variant of TensorFlow.js gives. */
import type { TfModule } from "../tfjs/tf.ts";

/** A variant that loaded, or why it did not and what helps, where that is not the usual installation. */
export type LoadedTfjs =
  | { readonly tf: TfModule; readonly description: string; readonly usesGpu: boolean }
  | { readonly reason: string; readonly remedy?: string };
