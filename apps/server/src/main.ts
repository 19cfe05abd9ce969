#!/usr/bin/env -S node --max-semi-space-size=4 --optimize-for-size --no-concurrent-sparkplug
/** @file Entry of the `stagecoach` command. */
import { enableCompileCache } from "node:module";

// Compiled code is kept between starts: half the time to the first answer, and no TypeScript stripper in memory. Workers and their threads
// find the cache through the environment.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] ??= directory;

const { watchParent } = await import("./cli/watchParent.ts");
if (process.env["npm_lifecycle_event"] !== undefined)
  watchParent({ parent: () => process.ppid, onGone: () => process.kill(process.pid, "SIGTERM") });

const { runCommandLine } = await import("./cli/runCommandLine.ts");
process.exitCode = await runCommandLine(process.argv, process);
