/** @file Makes the Python environment of the interop tests and the benchmarks (environment.ts). */
import { preparePython } from "./environment.ts";

try {
  preparePython();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
