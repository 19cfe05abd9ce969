/** @file Loads TensorFlow.js's wasm backend. */
import { dirname, join } from "node:path";
import type { TfModule } from "../tfjs/tf.ts";
import { findPackage, requireFolder } from "./findPackage.ts";
import type { LoadedTfjs } from "./loadedTfjs.ts";

type CoreModule = TfModule & {
  readonly version_core: string;
  setBackend(name: string): Promise<boolean>;
};
type WasmModule = { setWasmPaths(folder: string): void };

export async function loadTfjsWasm(): Promise<LoadedTfjs> {
  const [folder] = findPackage("@tensorflow/tfjs-backend-wasm", "tfjs-wasm");
  if (folder === undefined) return { reason: "not installed" };
  const core = join(dirname(folder), "tfjs-core");
  try {
    const tf = requireFolder(core) as CoreModule;
    const isReady = await withoutProcessListeners(() => {
      (requireFolder(folder) as WasmModule).setWasmPaths(`${join(folder, "dist")}/`);
      return tf.setBackend("wasm");
    });
    if (!isReady) return { reason: `${folder}: the wasm module did not start` };
    return { tf, usesGpu: false, description: `tfjs-wasm ${tf.version_core}, WebAssembly, 1 thread` };
  } catch (error) {
    return { reason: `${folder}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}` };
  }
}

/** The wasm module makes itself the process's handler of uncaught errors, which is not its business. */
async function withoutProcessListeners<T>(start: () => Promise<T>): Promise<T> {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = events.map((event) => new Set(process.rawListeners(event)));
  try {
    return await start();
  } finally {
    events.forEach((event, which) => {
      for (const listener of process.rawListeners(event)) {
        if (!before[which].has(listener)) process.removeListener(event, listener);
      }
    });
  }
}
