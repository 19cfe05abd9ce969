/** @file The process of a trainer: with a channel, with its log in the gateway's, and behind requests in the queue for the cores. */
import { programBeside } from "@stagecoach/engine/node";
import { fork, type ChildProcess } from "node:child_process";
import { constants, getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { passOnLog } from "../processes/passOnLog.ts";

export type SpawnTrainerOptions = {
  /** Added to the niceness of the trainer and its workers, so that requests come first; 0 to 19. */
  readonly niceness: number;
  readonly log: Logger;
};

/** @param facts - what each entry of its log says of it */
export function spawnTrainer(
  { niceness, log }: SpawnTrainerOptions,
  facts: Readonly<Record<string, unknown>>,
): ChildProcess {
  const main = fileURLToPath(programBeside(import.meta.url, "trainerMain"));
  const trainer = fork(main, { stdio: ["ignore", "ignore", "pipe", "ipc"], detached: true });
  // Its workers inherit it.
  if (trainer.pid !== undefined && niceness > 0)
    setPriority(trainer.pid, Math.min(constants.priority.PRIORITY_LOW, getPriority() + niceness));
  passOnLog(trainer.stderr!, log, { name: "trainer", facts });
  return trainer;
}
