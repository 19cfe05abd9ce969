/**
 * @file `npm run test:interop`: programs that are not ours (Python clients and loaders, Prometheus, native TensorFlow, another network
 * namespace) against what we serve and write.
 *
 * Sets up what they need from the package registries: a Python environment in .cache/interop, Debian's packages of Prometheus,
 * PostgreSQL and iproute2 where their programs are missing, and the native tfjs engine. Needs Linux with apt, python3 with venv, and root.
 * The last line is `N passed, N failed`; a set-up step that fails counts as one failure, and the tests run nevertheless.
 */
import { spawnSync, type SpawnSyncOptions } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const repository = resolve(import.meta.dirname, "../..");
const cache = join(repository, ".cache/interop");
const environment = join(cache, "venv");
const resultsFile = join(cache, "results.json");
const requirements = readFileSync(join(import.meta.dirname, "requirements.txt"), "utf8");

/** @throws Error when the program fails, or is not there */
function run(program: string, args: readonly string[], options: SpawnSyncOptions = {}): void {
  const { status, signal, error } = spawnSync(program, args, { stdio: "inherit", cwd: repository, ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status ?? signal}`);
}

function isThere(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" }).status === 0;
}

/** Python's packages, at pinned versions; made again when those change. */
function preparePython(): void {
  const stamp = join(environment, "requirements.txt");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === requirements) return;
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  run(isThere("python3.11") ? "python3.11" : "python3", ["-m", "venv", environment]);
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
  run(join(environment, "bin/python"), [...install, join(import.meta.dirname, "requirements.txt")]);
  writeFileSync(stamp, requirements);
}

/** Debian's packages for programs that are missing. */
function prepareSystem(): void {
  const missing = Object.entries({
    promtool: "prometheus",
    prometheus: "prometheus",
    ip: "iproute2",
    pg_ctlcluster: "postgresql",
  })
    .filter(([program]) => !isThere(program))
    .map(([, name]) => name);
  if (missing.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-qq"], { env });
  run("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...new Set(missing)], { env });
  // apt starts the service where there is something to start it with; elsewhere this has nothing to stop.
  for (const service of ["prometheus", "postgresql"])
    if (missing.includes(service)) spawnSync("service", [service, "stop"], { stdio: "ignore" });
}

function prepareTensorflow(): void {
  run("npm", ["run", "--silent", "engine:tfjs"]);
}

type Results = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
};

/** Counts of vitest's own report; a file that could not be run at all counts as one failure. */
function runTests(): { passed: number; failed: number } {
  rmSync(resultsFile, { force: true });
  const vitest = join(repository, "node_modules/vitest/vitest.mjs");
  const report = ["--reporter=default", "--reporter=json", `--outputFile.json=${resultsFile}`];
  const { status: exitStatus } = spawnSync(
    process.execPath,
    [vitest, "run", "--project", "interop", ...report, ...process.argv.slice(2)],
    {
      stdio: "inherit",
      cwd: repository,
    },
  );
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
const { passed, failed } = runTests();
process.exitCode = failed + failedSteps === 0 ? 0 : 1;
console.log(`${passed} passed, ${failed + failedSteps} failed`);
