/** @file Loads tfjs-node or tfjs-node-gpu with its native library. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TfModule } from "../tfjs/tf.ts";
import { findPackage, requireFolder } from "./findPackage.ts";
import type { LoadedTfjs } from "./loadedTfjs.ts";
import { setTensorflowEnvironment } from "./tensorflowEnvironment.ts";

type TensorflowModule = TfModule & {
  readonly version: Readonly<Record<string, string>>;
  backend(): { readonly isUsingGpuDevice: boolean; readonly binding: { readonly TF_Version: string } };
};

export function loadTensorflow(variant: "tfjs-node" | "tfjs-node-gpu", threads: number): LoadedTfjs {
  const folders = findPackage(`@tensorflow/${variant}`, variant);
  if (folders.length === 0) return { reason: "not installed" };
  const unset = setTensorflowEnvironment({ threads });
  if (unset.length > 0) {
    return {
      reason: `TensorFlow does not see ${unset.join(", ")} when a worker thread sets them`,
      remedy: "call setTensorflowEnvironment on the main thread before it starts the worker thread",
    };
  }
  const failures: string[] = [];
  for (const folder of folders) {
    if (!hasBinding(folder)) {
      failures.push(`${folder} has no native library (its install script did not run)`);
      continue;
    }
    try {
      return describe(requireFolder(folder) as TensorflowModule, variant);
    } catch (error) {
      failures.push(`${folder}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    }
  }
  return { reason: failures.join("; ") };
}

/** Asked before loading: a package without it fails halfway, after it has registered backends that stay. */
function hasBinding(folder: string): boolean {
  const lib = join(folder, "lib");
  return existsSync(lib) && readdirSync(lib).some((each) => existsSync(join(lib, each, "tfjs_binding.node")));
}

function describe(tf: TensorflowModule, variant: string): LoadedTfjs {
  const { isUsingGpuDevice: usesGpu, binding } = tf.backend();
  const threads = process.env["TF_NUM_INTRAOP_THREADS"];
  const device = usesGpu
    ? "GPU"
    : `${variant === "tfjs-node-gpu" ? "CPU (no GPU is visible)" : "CPU"}, ${threads} ${threads === "1" ? "thread" : "threads"}`;
  return {
    tf,
    usesGpu,
    description: `${variant} ${tf.version["tfjs-node"]}, TensorFlow ${binding.TF_Version}, ${device}`,
  };
}
