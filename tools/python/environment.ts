/**
 * @file The Python environment that the interop tests and the benchmarks share: `.cache/python`, with the packages of
 * requirements.txt from whatever index pip is configured for.
 *
 * One that is there is used again until the requirements change. PyPI's PyTorch for Linux on x64 brings CUDA along, about 6 GB;
 * an index that has the build without it (PyTorch's own) saves them.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isThere, repository, runProgram } from "../runProgram.ts";

const folder = join(repository, ".cache/python");
const requirementsFile = join(import.meta.dirname, "requirements.txt");
/** What the environment was made from; written when it is complete. */
const stamp = join(folder, "requirements.txt");

export const python = join(folder, "bin/python");

/** @throws Error when Python is not there, has no venv, or a package cannot be installed */
export function preparePython(): void {
  const requirements = readFileSync(requirementsFile, "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === requirements) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  runProgram(isThere("python3.11") ? "python3.11" : "python3", ["-m", "venv", folder]);
  installTorchForCpu(requirements);
  install(["-r", requirementsFile]);
  writeFileSync(stamp, requirements);
}

/** A build `2.15.0+cpu` satisfies the requirement 2.15.0 (PEP 440); where the index has none, nothing is installed here. */
function installTorchForCpu(requirements: string): void {
  const torch = /^torch==\S+$/m.exec(requirements)?.[0];
  if (torch === undefined) throw new Error(`${requirementsFile}: expected a line torch==VERSION, got none`);
  try {
    install([`${torch}+cpu`], "ignore");
  } catch {
    console.log("python: the package index has no CPU build of PyTorch, so the usual one is taken");
  }
}

function install(what: readonly string[], stdio: "inherit" | "ignore" = "inherit"): void {
  runProgram(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...what], { stdio });
}
