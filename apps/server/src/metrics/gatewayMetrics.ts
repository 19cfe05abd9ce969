/**
 * @file What a gateway knows of its own limits and of the machine it runs on, read at each scrape: no other program has to be
 * installed to see that a disk fills up.
 *
 * The data folder's disk is asked for by the nearest folder that exists: a server that keeps nothing yet has no folder.
 */
import { isSystemError } from "@stagecoach/transformer/node";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, freemem, loadavg, totalmem } from "node:os";
import { dirname, resolve } from "node:path";
import { Counter, Gauge, type Registry } from "prom-client";

export type GatewayLimits = {
  readonly dataDir: string;
  readonly maxConcurrentRequests: number;
  readonly maxQueuedTokens: number;
};

const cpuModes = ["user", "nice", "sys", "idle", "irq"] as const;

export function addGatewayMetrics(registry: Registry, limits: GatewayLimits): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number | null>) =>
    new Gauge({
      name: `stagecoach_${name}`,
      help,
      registers,
      async collect() {
        const value = await read();
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  gauge("http_requests_limit", "Inference requests at work beyond which further ones get 429", () => {
    return limits.maxConcurrentRequests;
  });
  gauge("queue_tokens_limit", "Waiting tokens of one model beyond which its requests get 429", () => {
    return limits.maxQueuedTokens;
  });
  const disk = () => diskOf(limits.dataDir);
  gauge("data_disk_bytes", "Size of the disk that has the data folder", async () => (await disk())?.size ?? null);
  gauge(
    "data_disk_free_bytes",
    "What the server can still write to that disk",
    async () => (await disk())?.free ?? null,
  );
  gauge("machine_cpus", "CPUs that the gateway may use", availableParallelism);
  gauge("machine_load", "Load average of the machine over one minute", () => loadavg()[0]!);
  gauge("machine_memory_bytes", "Memory of the machine", totalmem);
  gauge("machine_available_memory_bytes", "Memory that processes can still have without swapping", freemem);
  const cpuSeconds = new Counter({
    name: "stagecoach_machine_cpu_seconds_total",
    help: "Time of the machine's CPUs, all together, by what they did",
    labelNames: ["mode"],
    registers: [],
    collect() {
      this.reset();
      for (const { times } of cpus()) for (const mode of cpuModes) this.inc({ mode }, times[mode] / 1000);
    },
  });
  registry.registerMetric(cpuSeconds);
}

/** Bytes; null where the disk cannot be read, and no series then. */
async function diskOf(folder: string): Promise<{ readonly size: number; readonly free: number } | null> {
  try {
    const { bsize, blocks, bavail } = await statfs(folder);
    return { size: bsize * blocks, free: bsize * bavail };
  } catch (error) {
    const parent = dirname(resolve(folder));
    const isMissing = isSystemError(error, "ENOENT") && parent !== resolve(folder);
    return isMissing ? diskOf(parent) : null;
  }
}
