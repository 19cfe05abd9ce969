/** @file A job is checked in a process of its own, as it is trained in one: reading a large file never holds up a request. */
import type { CheckContext, JobCheck } from "../jobs/jobRunner.ts";
import { spawnTrainer, type SpawnTrainerOptions } from "./spawnTrainer.ts";
import type { FromTrainer, ToTrainer } from "./trainerMessages.ts";
import type { TrainingSettings } from "./trainingSettings.ts";

/** The process has ended when this resolves or rejects. @throws the signal's reason; Error where the process was lost */
export async function forkCheck(
  settings: TrainingSettings,
  { folder, signal }: Pick<CheckContext, "folder" | "signal">,
  options: SpawnTrainerOptions,
): Promise<JobCheck> {
  signal.throwIfAborted();
  const trainer = spawnTrainer(options, { checks: settings.data.name });
  const kill = () => trainer.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  let check: JobCheck | null = null;
  trainer.on("message", (message: FromTrainer) => {
    if (message.kind === "checked") ({ check } = message);
  });
  const ended = new Promise<string>((resolve, reject) => {
    trainer.on("error", reject);
    trainer.on("exit", (code, name) => resolve(name ?? `code ${code}`));
  });
  const start: ToTrainer = { kind: "check", folder, settings };
  trainer.send(start);
  try {
    const end = await ended;
    signal.throwIfAborted();
    if (check === null) throw new Error(`the check of a job ended with ${end} before it had come to a result`);
    return check;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}
