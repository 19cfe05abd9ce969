/**
 * @file A real server for a test: `stagecoach serve` as its own process, on free ports, with a data folder of its own.
 *
 * Use with `await using`: the process and its folder are gone when the test ends, however it ends.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository, tinyEncoder } from "./paths.ts";

export const stagecoachMain = join(repository, "apps/server/src/main.ts");

/** Node's flags, as `npm start` gives them. */
const nodeFlags = (
  JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { scripts: { start: string } }
).scripts.start
  .split(" ")
  .filter((word) => word.startsWith("--"));

export type ServerOptions = {
  /** Flags after `serve`; `--model`, `--port` and `--data-dir` have defaults of the test's. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** null: none is named, so that it is the model in the box. */
  readonly model?: string | null;
  /** Where the process stands; default: the repository. */
  readonly cwd?: string;
  readonly dataDir?: string;
  /** Time until the server says that it serves. */
  readonly timeoutMs?: number;
  /** Program, and arguments, that is to run Node: `ip netns exec NAME` for example. */
  readonly within?: readonly string[];
};

/** A process that may or may not come to serve. */
export type LaunchedServer = AsyncDisposable & {
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** Everything that the process has written to stderr: its log. */
  readonly log: () => string;
  readonly stdout: () => string;
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** Process numbers of the stage workers, by place; as the server's log tells them. */
  readonly workerPids: () => readonly { readonly replica: number; readonly stage: number; readonly pid: number }[];
};

export type TestServer = LaunchedServer & {
  readonly url: string;
  post: (path: string, body: unknown, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
};

/** Environment without settings of the machine that would change what a test sees. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined && !/^(STAGECOACH_|DATABASE_URL|HF_|HUGGINGFACE_|NODE_OPTIONS|OTEL_|VITEST)/.test(name),
  );
  return { ...(Object.fromEntries(kept) as Record<string, string>), HF_HUB_OFFLINE: "1", ...extra };
}

/** Run the command line until it ends. */
export async function stagecoach(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string; readonly timeoutMs?: number } = {},
) {
  const child = spawn(process.execPath, [...nodeFlags, stagecoachMain, ...args], {
    env: cleanEnv(options.env),
    cwd: options.cwd ?? repository,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = collect(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 30_000);
  const code = await exitOf(child);
  clearTimeout(timer);
  return { code, stdout: output.stdout(), stderr: output.stderr() };
}

/** @throws Error with the process's log when it ends, or says nothing in time */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const launched = launchServer(options);
  const url = await serving(launched, options.timeoutMs ?? 30_000);
  return { ...launched, ...requestsTo(url) };
}

/** Start a server without waiting for it: for tests of the start itself, and of servers that wait for workers. */
export function launchServer(options: ServerOptions = {}): LaunchedServer {
  const ownFolder = mkdtempSync(join(tmpdir(), "stagecoach-test-"));
  const dataDir = options.dataDir ?? join(ownFolder, "data");
  const { model = tinyEncoder } = options;
  const named = model === null ? [] : ["--model", model];
  const flags = [...named, "--port", "0", "--data-dir", dataDir, "--threads", "1", ...(options.flags ?? [])];
  const child = spawnStagecoach(["serve", ...flags], options);
  const output = collect(child);
  const exited = exitOf(child);
  return {
    dataDir,
    process: child,
    log: output.stderr,
    stdout: output.stdout,
    exited,
    workerPids: () => latestPids(output.stderr()),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exited;
      clearTimeout(timer);
      rmSync(ownFolder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** Requests to a server by its URL. */
export function requestsTo(url: string): Pick<TestServer, "url" | "post" | "get"> {
  const request = (path: string, init: RequestInit) => fetch(new URL(path, url), init);
  return {
    url,
    post: (path, body, headers = {}) =>
      request(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    get: (path, headers = {}) => request(path, { headers }),
  };
}

/** Below the ports that systems give to whoever asks for any (Linux: from 32768 on), which other tests' servers do meanwhile. */
const NAMED_PORTS = { first: 20_000, count: 10_000 };

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(NAMED_PORTS.first + randomInt(NAMED_PORTS.count), "127.0.0.1", resolve);
    });
    return (server.address() as AddressInfo).port;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return freePort();
    throw error;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A worker that joins a gateway from outside, as `stagecoach worker` in another shell. */
export type TestWorker = AsyncDisposable & {
  readonly process: ChildProcess;
  /** Its log. */
  readonly log: () => string;
  readonly exited: Promise<number | string>;
};

export function startWorker(flags: readonly string[], options: Pick<ServerOptions, "env" | "within"> = {}): TestWorker {
  const child = spawnStagecoach(["worker", ...flags], options);
  const output = collect(child);
  const exited = exitOf(child);
  return {
    process: child,
    log: output.stderr,
    exited,
    async [Symbol.asyncDispose]() {
      // Also one that a test has stopped.
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function spawnStagecoach(
  args: readonly string[],
  { env, cwd = repository, within = [] }: Pick<ServerOptions, "env" | "cwd" | "within">,
) {
  const [program, ...before] = [...within, process.execPath];
  return spawn(program, [...before, ...nodeFlags, stagecoachMain, ...args], {
    env: cleanEnv(env),
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

type Output = { readonly stdout: () => string; readonly stderr: () => string };

function collect(child: ChildProcess): Output {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return { stdout: () => stdout, stderr: () => stderr };
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown")));
}

/** The URL in the banner, which is written once requests can be served. */
async function serving({ process: child, stdout, log, exited }: LaunchedServer, timeoutMs: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const look = () => {
    const found = /API\s+(http:\/\/\S+?)\/v1\/embeddings/.exec(stdout());
    if (found) resolve(found[1]!);
  };
  child.stdout?.on("data", look);
  void exited.then((code) => reject(new Error(`the server ended with ${code} before it served:\n${log()}`)));
  const timer = setTimeout(
    () => reject(new Error(`the server did not serve within ${timeoutMs} ms:\n${log()}`)),
    timeoutMs,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    if (stdout() === "" && child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  }
}

type Joined = { readonly workerId: string; readonly pid: number; readonly msg: string };

/** The newest worker of each place; the log names a worker `r<replica>s<stage>-<n>`. */
function latestPids(log: string) {
  const latest = new Map<string, { replica: number; stage: number; pid: number }>();
  for (const line of log.split("\n").filter((each) => each.startsWith("{"))) {
    const { msg, workerId, pid } = JSON.parse(line) as Joined;
    const place = /^r(\d+)s(\d+)-/.exec(workerId ?? "");
    if (msg === "worker joined" && place)
      latest.set(`${place[1]}/${place[2]}`, { replica: Number(place[1]), stage: Number(place[2]), pid });
  }
  return [...latest.values()];
}
