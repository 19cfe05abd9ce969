/**
 * @file What is to befall the processes of a training job, and at which phase of a step: a plan that each of them reads when it starts
 * (fatesMain.ts), so that a real process is hit where a signal from outside would hit by chance only.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Who: the trainer, or the worker of a stage. */
export type Victim = "trainer" | `stage ${number}`;

/**
 * When, of a call: as it comes, once it is under way, when its result is there and nobody has heard of it, when it was passed on.
 */
export type Moment = "before" | "during" | "after" | "passed on";

export type Fate = {
  readonly victim: Victim;
  /** Of a stage: of its engine's thread (trainingThreadMain.ts). Of the trainer: of RemoteTrainingPipeline. */
  readonly method: string;
  /** Counted from 1, in one process. */
  readonly call: number;
  readonly moment: Moment;
  readonly signal: "SIGKILL" | "SIGSTOP";
};

/** Environment variable that names the folder with the plan. */
export const FATES_FOLDER = "FATES_FOLDER";
export const planPath = (folder: string): string => join(folder, "fates.json");
/** Is there once a fate has come: each comes once, whatever processes start after it. */
export const comePath = (folder: string, fate: number): string => join(folder, `come-${fate}`);

export class Fates implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "stagecoach-fates-"));
  #number = 0;

  /** For the server whose jobs' processes are to be hit. */
  get env(): Readonly<Record<string, string>> {
    const main = new URL("fatesMain.ts", import.meta.url).href;
    return { NODE_OPTIONS: `--import=${main}`, [FATES_FOLDER]: this.#folder };
  }

  /** For processes that start from now on, instead of those before. */
  plan(fates: readonly Fate[]): void {
    rmSync(this.#folder, { recursive: true });
    mkdirSync(this.#folder);
    this.#number = fates.length;
    writeFileSync(planPath(this.#folder), JSON.stringify(fates));
  }

  /** Whether each has come. */
  get haveCome(): boolean[] {
    return Array.from({ length: this.#number }, (_, fate) => existsSync(comePath(this.#folder, fate)));
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
