/** @file A fine-tuning job of a gateway, started, watched by its stream of events, paused and resumed. */
import { spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import type { TestServer } from "../../test/harness/startServer.ts";

export type JobFields = {
  readonly model: string;
  /** JSONL. */
  readonly data: string;
  readonly hyperparameters: Readonly<Record<string, unknown>>;
};

type Progress = { readonly step: number; readonly trained_tokens: number };
type Mark = Progress & { readonly at: number };

/** Steps after which a job that has just begun counts as being at work. */
const STEPS_TO_WARM_UP = 2;
const POLL_MS = 50;

export class TrainingJob {
  readonly #server: TestServer;
  readonly #id: string;
  readonly #leaving = new AbortController();
  #mark: Mark = { step: 0, trained_tokens: 0, at: 0 };
  #failure: Error | null = null;

  private constructor(server: TestServer, id: string) {
    this.#server = server;
    this.#id = id;
  }

  /** @returns once it makes steps */
  static async start(server: TestServer, { model, data, hyperparameters }: JobFields): Promise<TrainingJob> {
    const form = new FormData();
    form.set("purpose", "fine-tune");
    form.set("file", new File([data], "train.jsonl"));
    const uploaded = await answered(await fetch(new URL("/v1/files", server.url), { method: "POST", body: form }));
    const method = { type: "supervised", supervised: { hyperparameters } };
    const request = { model, training_file: uploaded.id, method };
    const { id } = await answered(await server.post("/v1/fine_tuning/jobs", request));
    const job = new TrainingJob(server, id);
    job.#watch().catch((error: unknown) => (job.#failure ??= error as Error));
    await job.#madeSteps(STEPS_TO_WARM_UP);
    return job;
  }

  /** @returns once its processes are gone */
  async pause(): Promise<void> {
    await answered(await this.#server.post(`/v1/fine_tuning/jobs/${this.#id}/pause`, {}));
    const trainers = () => spawnSync("pgrep", ["-P", String(this.#server.process.pid), "-f", "trainerMain"]);
    while (trainers().status === 0) await pause(POLL_MS);
  }

  /** @returns once it makes steps again */
  async resume(): Promise<void> {
    const { step } = this.#mark;
    await answered(await this.#server.post(`/v1/fine_tuning/jobs/${this.#id}/resume`, {}));
    await this.#madeSteps(step + STEPS_TO_WARM_UP);
  }

  /** Tokens per second over the steps that end while `work` is done, from a step's end to a step's end. */
  async rateDuring(work: () => Promise<void>): Promise<number> {
    await this.#madeSteps(this.#mark.step + 1);
    const begun = this.#mark;
    await work();
    const ended = this.#mark;
    if (ended.step === begun.step) throw new Error("bench: the job made no step in the time (measure for longer)");
    return (1000 * (ended.trained_tokens - begun.trained_tokens)) / (ended.at - begun.at);
  }

  async cancel(): Promise<void> {
    this.#leaving.abort();
    await answered(await this.#server.post(`/v1/fine_tuning/jobs/${this.#id}/cancel`, {}));
  }

  async #madeSteps(step: number): Promise<void> {
    while (this.#mark.step < step) {
      if (this.#failure !== null) throw this.#failure;
      await pause(POLL_MS);
    }
  }

  /** The time of each step's end, as its progress arrives. */
  async #watch(): Promise<void> {
    const url = new URL(`/v1/fine_tuning/jobs/${this.#id}/events?stream=true`, this.#server.url);
    const { body } = await fetch(url, { signal: this.#leaving.signal });
    let text = "";
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
      const messages = (text + chunk).split("\n\n");
      text = messages.pop()!;
      for (const message of messages) {
        const data = message.slice(message.indexOf("data: ") + "data: ".length);
        if (message.startsWith("event: progress"))
          this.#mark = { ...(JSON.parse(data) as Progress), at: performance.now() };
        if (message.startsWith("event: end")) throw new Error(`bench: the job has ended: ${data}`);
      }
    }
  }
}

async function answered(response: Response): Promise<{ readonly id: string }> {
  if (!response.ok) throw new Error(`bench: ${response.url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { readonly id: string };
}
