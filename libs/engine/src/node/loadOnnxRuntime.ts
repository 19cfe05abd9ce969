/** @file Finds onnxruntime-node: the package itself, or the slim copy of it for this platform that our packages bring along. */
import { readFile, rm, writeFile } from "node:fs/promises";
import type { Engine } from "../engine.ts";
import { EngineUnavailableError } from "../errors.ts";
import { createOnnxRuntimeEngine } from "../onnxruntime/onnxRuntimeEngine.ts";
import type { OrtModule } from "../onnxruntime/ort.ts";
import { importFirst } from "./importFirst.ts";
import { LoopThreads } from "./loopThreads.ts";
import { setOnnxRuntimeEnvironment } from "./onnxRuntimeEnvironment.ts";

export type LoadOptions = { readonly threads: number; readonly spinning?: boolean };

const files = {
  read: (path: string) => readFile(path),
  write: (path: string, bytes: Uint8Array) => writeFile(path, bytes),
  remove: (path: string) => rm(path, { force: true }),
};

/** @throws EngineUnavailableError when no package loads on this platform */
export async function loadOnnxRuntime({ threads, spinning = false }: LoadOptions): Promise<Engine> {
  setOnnxRuntimeEnvironment();
  const slim = `@stagecoach/onnxruntime-${process.platform}-${process.arch}`;
  const found = await importFirst(["onnxruntime-node", slim]);
  if ("failures" in found) {
    throw new EngineUnavailableError({
      engine: "onnxruntime",
      reason: found.failures.join("; "),
      remedy: `npm install onnxruntime-node; it has binaries for Linux x64 and arm64 (glibc), macOS arm64, and Windows, this is ${process.platform} ${process.arch}`,
    });
  }
  const ort = found.module as OrtModule & {
    readonly env: { readonly versions: Readonly<Record<string, string | undefined>> };
  };
  const version = ort.env.versions["node"] ?? ort.env.versions["common"] ?? "of unknown version";
  return createOnnxRuntimeEngine(ort, { threads, spinning, version, loops: new LoopThreads(threads), files });
}
