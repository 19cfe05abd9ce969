/** @file `stagecoach worker`: join a gateway from another shell or machine. */
import { runStageWorker, workerLog, workerTracing } from "@stagecoach/stage-worker";
import { isEveryAddress, isLoopback } from "@stagecoach/parallel/node";
import { Command, Option } from "commander";
import { SettingsError } from "../config/loadSettings.ts";
import type { Host } from "./runCommandLine.ts";

type WorkerOptions = {
  join: string;
  token?: string;
  listenHost: string;
  listenPort: string;
  advertise?: string;
  model?: string;
};

export function workerCommand(host: Host): Command {
  const command = new Command("worker").description(
    "run a stage for a gateway that waits for workers (stagecoach serve --external-workers N)",
  );
  command
    .requiredOption(
      "--join <url>",
      "the gateway's worker port: ws://127.0.0.1:PORT on this machine, wss://HOST:PORT on another",
    )
    .addOption(new Option("--token <token>", "the gateway's join token (env STAGECOACH_JOIN_TOKEN)"))
    .option("--listen-host <host>", "address where other workers reach this one; TLS off loopback", "127.0.0.1")
    .option("--listen-port <port>", "port where other workers reach this one; 0 takes a free one", "0")
    .option("--advertise <host>", "name or address that other workers are told (default: the listen host)")
    .option("--model <dir>", "the model's folder on this machine, if not where the gateway has it");
  return command.action(async () => {
    const {
      join,
      token = host.env["STAGECOACH_JOIN_TOKEN"],
      listenHost,
      listenPort,
      advertise,
      model,
    } = command.opts<WorkerOptions>();
    if (token === undefined)
      throw new SettingsError(
        "worker: expected the gateway's join token in --token or STAGECOACH_JOIN_TOKEN, got none",
      );
    const url = parseUrl(join);
    if (url.protocol === "wss:" && isLoopback(listenHost)) {
      throw new SettingsError(
        "worker: a gateway on another machine needs a worker that others can reach: give --listen-host (and --advertise)",
      );
    }
    if (isEveryAddress(listenHost) && advertise === undefined) {
      throw new SettingsError(
        `worker: --listen-host ${listenHost} is no address that others can dial: give --advertise as well`,
      );
    }
    const stopping = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) host.on(signal, () => stopping.abort());
    const log = workerLog(host.stderr);
    const tracing = await workerTracing(host.env, { name: null, log });
    if (tracing !== undefined) log("micro-batches are traced", tracing.facts);
    await runStageWorker(
      {
        join: url.href,
        token,
        listenHost,
        listenPort: parsePort(listenPort),
        advertise: advertise ?? null,
        modelFolder: model ?? null,
        traces: tracing !== undefined,
        child: null,
      },
      { signal: stopping.signal, log, tracing },
    );
  });
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !["ws:", "wss:"].includes(url.protocol))
    throw new SettingsError(`--join: expected ws://HOST:PORT or wss://HOST:PORT, got "${text}"`);
  return url;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new SettingsError(`--listen-port: expected a port from 0 to 65535, got "${text}"`);
  return port;
}
