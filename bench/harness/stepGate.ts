/** @file A training run that makes some steps, waits until it is told to go on, and tells how long they took. */
import type { TrainingEvent } from "@stagecoach/training";

export type Block = { readonly tokens: number; readonly seconds: number; readonly losses: readonly number[] };

/** `pass` is the run's onEvent; the run waits in it. */
export class StepGate {
  readonly #ready = Promise.withResolvers<void>();
  readonly #losses: number[] = [];
  #metrics: Readonly<Record<string, number | null>> = {};
  #go = Promise.withResolvers<void>();
  #block: { readonly resolve: (block: Block) => void; readonly startedAt: number; readonly tokens: number } | null =
    null;
  #left = 0;
  #tokens = 0;

  /** Resolves before the first step, when everything is loaded. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Of the last evaluation. */
  get metrics(): Readonly<Record<string, number | null>> {
    return this.#metrics;
  }

  /** Let so many steps pass. */
  open(steps: number): Promise<Block> {
    this.#left = steps;
    this.#losses.length = 0;
    return new Promise((resolve) => {
      this.#block = { resolve, startedAt: performance.now(), tokens: this.#tokens };
      this.#go.resolve();
    });
  }

  async pass(event: TrainingEvent): Promise<void> {
    if (event.type === "evaluation") this.#metrics = event.evaluation.metrics;
    // The checkpoint of step 0 is the last thing before the first step.
    if (event.type === "checkpoint" && event.step === 0) return this.#wait();
    if (event.type !== "step") return;
    this.#losses.push(event.loss);
    this.#tokens = event.trainedTokens;
    if (--this.#left > 0 && event.step < event.totalSteps) return;
    const { resolve, startedAt, tokens } = this.#block!;
    const seconds = (performance.now() - startedAt) / 1000;
    this.#go = Promise.withResolvers();
    resolve({ tokens: this.#tokens - tokens, seconds, losses: [...this.#losses] });
    await this.#wait();
  }

  async #wait(): Promise<void> {
    this.#ready.resolve();
    await this.#go.promise;
  }
}
