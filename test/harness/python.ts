/** @file Python programs of tools/interop, run in the environment that `npm run test:interop` sets up. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { python } from "../../tools/python/environment.ts";
import { repository } from "./paths.ts";

export const interopPrograms = join(repository, "tools/interop");

/**
 * Run a program with a JSON value as its input.
 * @returns the JSON value that it prints
 * @throws Error with what it wrote to stderr when it fails
 */
export async function runPython<Result>(program: string, input: unknown): Promise<Result> {
  if (!existsSync(python)) throw new Error(`${python} is not there: npm run test:interop makes it`);
  // A model of the user's, or a token, must not change what a test sees.
  const kept = Object.entries(process.env).filter(([name]) => !/^(HF_|HUGGINGFACE_|OPENAI_|PYTHON)/.test(name));
  const child = spawn(python, [join(interopPrograms, program)], {
    env: { ...Object.fromEntries(kept), PYTHONUNBUFFERED: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(JSON.stringify(input));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}:\n${stderr}`);
  return JSON.parse(stdout) as Result;
}
