/**
 * @file Whether a trainer stands still: once it trains it says every second that it lives, and silence gives it up.
 *
 * Before that it may be silent for long, while it reads data. Silence is counted in beats of one's own clock, so that a machine that
 * slept does not take its trainers for dead.
 */
import { ALIVE_MS } from "./trainerMessages.ts";

/** Three times as long as its stages wait for it (openWorkerPipeline.ts). */
const LEASE_MS = 15_000;

export class TrainerWatch {
  readonly #giveUp: () => void;
  #beats: NodeJS.Timeout | null = null;
  #silentBeats = 0;

  /** @param giveUp - called once, when the lease has run out */
  constructor(giveUp: () => void) {
    this.#giveUp = giveUp;
  }

  /** The trainer has said that it lives, and will go on to say so. */
  start(): void {
    this.#beats ??= setInterval(() => this.#beat(), ALIVE_MS);
  }

  /** The trainer has said something. */
  heard(): void {
    this.#silentBeats = 0;
  }

  stop(): void {
    if (this.#beats !== null) clearInterval(this.#beats);
    this.#beats = null;
  }

  #beat(): void {
    this.#silentBeats++;
    if (this.#silentBeats * ALIVE_MS < LEASE_MS) return;
    this.stop();
    this.#giveUp();
  }
}
