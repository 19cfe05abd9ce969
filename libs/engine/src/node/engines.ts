/** @file The engines by name, as a Node process loads them. */
import type { Engine } from "../engine.ts";
import { loadOnnxRuntime } from "./loadOnnxRuntime.ts";
import { loadTfjs } from "./loadTfjs.ts";

/** `tfjs` is the first of the three after it that loads. */
export const engineNames = ["onnxruntime", "tfjs", "tfjs-node-gpu", "tfjs-node", "tfjs-wasm"] as const;
export type EngineName = (typeof engineNames)[number];

export type LoadEngineOptions = {
  readonly threads: number;
  /** Whether idle threads spin; only onnxruntime has the choice. */
  readonly spinning?: boolean;
};

/** @throws EngineUnavailableError when it does not load; no other engine takes its place */
export function loadEngine(name: EngineName, { threads, spinning = false }: LoadEngineOptions): Promise<Engine> {
  if (name === "onnxruntime") return loadOnnxRuntime({ threads, spinning });
  return loadTfjs({ variant: name === "tfjs" ? "auto" : name, threads });
}
