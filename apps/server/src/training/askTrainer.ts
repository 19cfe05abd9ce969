/** @file One question to a trainer that does not train: reading a large file in a process of its own never holds up a request. */
import { spawnTrainer, type SpawnTrainerOptions } from "./spawnTrainer.ts";
import type { FromTrainer, ToTrainer } from "./trainerMessages.ts";

type Question = Extract<ToTrainer, { readonly kind: "check" | "texts" }>;
type AnswerTo<Kind> = Extract<FromTrainer, { readonly kind: Kind extends "check" ? "checked" : "found" }>;

const answers = { check: "checked", texts: "found" } as const satisfies Record<Question["kind"], FromTrainer["kind"]>;

/** The process has ended when this resolves or rejects. @throws the signal's reason; Error where it had no answer, which is logged */
export async function askTrainer<Asked extends Question>(
  question: Asked,
  signal: AbortSignal,
  options: SpawnTrainerOptions,
): Promise<AnswerTo<Asked["kind"]>> {
  signal.throwIfAborted();
  const trainer = spawnTrainer(options, { asked: question.kind });
  const kill = () => trainer.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  let answer: AnswerTo<Asked["kind"]> | null = null;
  trainer.on("message", (message: FromTrainer) => {
    if (message.kind === answers[question.kind]) answer = message as AnswerTo<Asked["kind"]>;
  });
  const ended = new Promise<string>((resolve, reject) => {
    trainer.on("error", reject);
    trainer.on("exit", (code, name) => resolve(name ?? `code ${code}`));
  });
  trainer.send(question);
  try {
    const end = await ended;
    signal.throwIfAborted();
    if (answer === null)
      throw new Error(`a trainer that was asked for ${question.kind} ended with ${end}, and no answer`);
    return answer;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}
