/**
 * @file `npm run test:interop`: programs that are not ours (Python clients and loaders, Prometheus, native TensorFlow, another network
 * namespace) against what we serve and write.
 *
 * Sets up what they need from the package registries: a Python environment with PyTorch (tools/python), Debian's packages of
 * Prometheus, PostgreSQL, Chromium and iproute2 where their programs are missing, and the native tfjs engine. Needs Linux with apt, python3 with
 * venv, and root.
 * The last line is `N passed, N failed`; a set-up step that fails counts as one failure, and the tests run nevertheless.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { preparePython } from "../python/environment.ts";
import { isThere, repository, runProgram } from "../runProgram.ts";

/** Debian's packages for programs that are missing. */
function prepareSystem(): void {
  const missing = Object.entries({
    promtool: "prometheus",
    prometheus: "prometheus",
    ip: "iproute2",
    pg_ctlcluster: "postgresql",
    chromium: "chromium fonts-dejavu-core",
  })
    .filter(([program]) => !isThere(program))
    .flatMap(([, names]) => names.split(" "));
  if (missing.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  runProgram("apt-get", ["update", "-qq"], { env });
  runProgram("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...new Set(missing)], { env });
  // apt starts the service where there is something to start it with; elsewhere this has nothing to stop.
  for (const service of ["prometheus", "postgresql"])
    if (missing.includes(service)) spawnSync("service", [service, "stop"], { stdio: "ignore" });
}

function prepareTensorflow(): void {
  runProgram("npm", ["run", "--silent", "engine:tfjs"]);
}

type Results = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
};

type Counts = { readonly passed: number; readonly failed: number };

/** One file, on one core for minutes: the others run beside it. */
const longFile = "test/interop/largeFile.test.ts";

/** Everything that was asked for; what runs beside is shown when it has ended. */
async function runTests(asked: readonly string[]): Promise<Counts> {
  if (asked.length > 0) return runFiles(asked, { name: "results", isShown: true });
  const beside = runFiles([longFile], { name: "results-large", isShown: false });
  const counts = [await runFiles(["--exclude", longFile], { name: "results", isShown: true }), await beside];
  return {
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** Counts of vitest's own report; a file that could not be run at all counts as one failure. */
async function runFiles(
  args: readonly string[],
  { name, isShown }: { readonly name: string; readonly isShown: boolean },
): Promise<Counts> {
  const resultsFile = join(repository, ".cache/interop", `${name}.json`);
  rmSync(resultsFile, { force: true });
  const vitest = join(repository, "node_modules/vitest/vitest.mjs");
  const report = ["--reporter=default", "--reporter=json", `--outputFile.json=${resultsFile}`];
  const child = spawn(process.execPath, [vitest, "run", "--project", "interop", ...report, ...args], {
    stdio: ["ignore", isShown ? "inherit" : "pipe", isShown ? "inherit" : "pipe"],
    cwd: repository,
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => output.push(chunk));
  const [exitStatus] = (await once(child, "close")) as [number | null];
  process.stdout.write(Buffer.concat(output));
  if (!existsSync(resultsFile)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(resultsFile, "utf8")) as Results;
  const unrun = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const isUnaccounted = exitStatus !== 0 && numFailedTests + unrun === 0;
  return { passed: numPassedTests, failed: numFailedTests + unrun + (isUnaccounted ? 1 : 0) };
}

let failedSteps = 0;
for (const [what, prepare] of [
  ["Python's packages", preparePython],
  ["Debian's packages", prepareSystem],
  ["the native tfjs engine", prepareTensorflow],
] as const) {
  console.log(`interop: ${what}`);
  try {
    prepare();
  } catch (error) {
    failedSteps++;
    console.error(`interop: ${what} could not be set up: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const { passed, failed } = await runTests(process.argv.slice(2));
process.exitCode = failed + failedSteps === 0 ? 0 : 1;
console.log(`${passed} passed, ${failed + failedSteps} failed`);
