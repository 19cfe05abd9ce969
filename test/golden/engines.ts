/** @file The engines that are held against golden values: the one that everything else is compared with, and the two that train. */
import { createReferenceEngine, type Engine } from "@stagecoach/engine";
import { loadEngine } from "@stagecoach/engine/node";

export const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  reference: () => Promise.resolve(createReferenceEngine()),
  onnxruntime: () => loadEngine("onnxruntime", { threads: 2 }),
  "tfjs-wasm": () => loadEngine("tfjs-wasm", { threads: 1 }),
};
