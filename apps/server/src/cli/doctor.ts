/** @file `stagecoach doctor`: which engines load on this machine, why the others do not, and what to install; and whether requests are traced. */
import { probeEngines } from "@stagecoach/engine/node";
import { TracingError } from "@stagecoach/parallel";
import { describeTracing } from "@stagecoach/parallel/node";
import { Command } from "commander";
import { availableParallelism, totalmem } from "node:os";
import { formatBytes } from "../progress/progressBar.ts";
import { version } from "../version.ts";
import type { Host } from "./runCommandLine.ts";

export function doctorCommand(host: Host): Command {
  const command = new Command("doctor")
    .description("say which engines load here, and what the others need")
    .option("--json", "print JSON");
  return command.action(async () => {
    const engines = await probeEngines();
    const tracing = tracingOf(host);
    const machine = {
      stagecoach: version,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      cores: availableParallelism(),
      memoryBytes: totalmem(),
    };
    if (command.opts<{ json?: boolean }>().json === true) {
      host.stdout.write(`${JSON.stringify({ machine, engines, tracing }, null, 2)}\n`);
      return;
    }
    const { stagecoach, node, platform, cores, memoryBytes } = machine;
    const lines = engines.flatMap((probe) =>
      probe.available
        ? [`  ok    ${probe.name.padEnd(14)} ${probe.description}`]
        : [`  --    ${probe.name.padEnd(14)} ${probe.reason}`, `        ${" ".repeat(14)} to have it: ${probe.remedy}`],
    );
    host.stdout.write(
      `stagecoach ${stagecoach}, Node ${node}, ${platform}, ${cores} cores, ${formatBytes(memoryBytes)} of memory\n\nengines\n${lines.join("\n")}\n\ntraces\n  ${tracing}\n`,
    );
  });
}

/** Where `serve` and `worker` would send spans, or why they would not start. */
function tracingOf({ env }: Host): string {
  try {
    return describeTracing(env);
  } catch (error) {
    if (error instanceof TracingError) return error.message;
    throw error;
  }
}
