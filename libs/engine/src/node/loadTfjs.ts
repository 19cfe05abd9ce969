/**
 * @file Finds a TensorFlow.js for this process: tfjs-node-gpu, tfjs-node, or the wasm backend.
 *
 * tfjs keeps its state per process, and TensorFlow its thread count, so the first load decides for the process's life.
 */
import util from "node:util";
import type { Engine } from "../engine.ts";
import { EngineUnavailableError } from "../errors.ts";
import { createTfjsEngine } from "../tfjs/tfjsEngine.ts";
import type { LoadedTfjs } from "./loadedTfjs.ts";
import { loadTensorflow } from "./loadTensorflow.ts";
import { loadTfjsWasm } from "./loadTfjsWasm.ts";

/** In the order in which `auto` tries them. */
export const tfjsVariants = ["tfjs-node-gpu", "tfjs-node", "tfjs-wasm"] as const;
export type TfjsVariant = (typeof tfjsVariants)[number];

export type LoadTfjsOptions = {
  /** `auto`: the first that loads; the engine's `description` says which. */
  readonly variant: "auto" | TfjsVariant;
  /** Threads of one operation. The wasm backend has one thread in Node. */
  readonly threads: number;
};

let first: { readonly variant: TfjsVariant; readonly threads: number; readonly result: LoadedTfjs } | undefined;

/** @throws EngineUnavailableError with what to install; a variant that was asked for by name has no substitute */
export async function loadTfjs({ variant, threads }: LoadTfjsOptions): Promise<Engine> {
  const reasons: string[] = [];
  let remedy = remedies[variant];
  for (const each of variant === "auto" ? tfjsVariants : [variant]) {
    const result = await loadVariant(each, threads);
    if ("reason" in result) {
      reasons.push(variant === "auto" ? `${each}: ${result.reason}` : result.reason);
      remedy = result.remedy ?? remedy;
    } else if (variant === "tfjs-node-gpu" && !result.usesGpu) {
      reasons.push("the package loads, but TensorFlow sees no GPU in this process");
      remedy =
        "it needs an NVIDIA GPU, its driver for CUDA 12 or later, and the CUDA libraries; nvidia-smi shows the first two";
    } else return createTfjsEngine(result.tf, { name: each, description: result.description });
  }
  const engine = variant === "auto" ? "tfjs" : variant;
  throw new EngineUnavailableError({ engine, reason: reasons.join("; "), remedy });
}

const wasmPackages = "npm install @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0";
const remedies: Readonly<Record<LoadTfjsOptions["variant"], string>> = {
  "tfjs-node-gpu":
    "in a checkout: npm run engine:tfjs -- gpu; elsewhere let STAGECOACH_ENGINES_DIR name a folder that this command has filled",
  "tfjs-node":
    "in a checkout: npm run engine:tfjs; elsewhere let STAGECOACH_ENGINES_DIR name a folder that this command has filled",
  "tfjs-wasm": wasmPackages,
  auto: `in a checkout: npm run engine:tfjs; or, slower: ${wasmPackages}`,
};

async function loadVariant(variant: TfjsVariant, threads: number): Promise<LoadedTfjs> {
  if (first !== undefined) {
    if (first.variant === variant && (first.threads === threads || variant === "tfjs-wasm")) return first.result;
    return {
      reason: `this process has loaded ${first.variant} with ${first.threads} threads, and cannot load another`,
      remedy: "start another process",
    };
  }
  restoreUtilFunctions();
  const result = variant === "tfjs-wasm" ? await loadTfjsWasm() : loadTensorflow(variant, threads);
  if ("tf" in result) first = { variant, threads, result };
  return result;
}

/** tfjs-node 4.22 calls two functions that Node 23 removed, or that warn (tensorflow/tfjs#8609; fixed but never released). */
function restoreUtilFunctions(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: (value: unknown) => Array.isArray(value),
  });
}
