/**
 * @file Settings that TensorFlow reads from the environment, once, when its library is loaded.
 *
 * Whatever the user has set stays. In a worker thread `process.env` is a copy that the native library does not see, so
 * there the main thread must have called `setTensorflowEnvironment` before it started the thread.
 */
import { isMainThread } from "node:worker_threads";

export type TensorflowSettings = {
  /** Threads of one operation; operations run one after another. */
  readonly threads: number;
};

/**
 * The same numbers wherever they are computed: oneDNN, which sums in another order for other shapes and processors, is off;
 * on a GPU sums are deterministic, and products have float32's 24 bits instead of TensorFloat-32's 11. A GPU's memory is
 * taken as it is needed, since other workers share the device.
 */
export function tensorflowEnvironment({ threads }: TensorflowSettings): Readonly<Record<string, string>> {
  return {
    TF_ENABLE_ONEDNN_OPTS: "0",
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: "1",
    TF_CPP_MIN_LOG_LEVEL: "2",
    TF_DETERMINISTIC_OPS: "1",
    NVIDIA_TF32_OVERRIDE: "0",
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
  };
}

/** @returns the names of the variables that could not be set, because this is a worker thread; empty if all is well */
export function setTensorflowEnvironment(settings: TensorflowSettings): readonly string[] {
  const unset = Object.entries(tensorflowEnvironment(settings)).filter(([name]) => process.env[name] === undefined);
  if (!isMainThread) return unset.map(([name]) => name);
  for (const [name, value] of unset) process.env[name] = value;
  return [];
}
