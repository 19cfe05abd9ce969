/**
 * @file The log of a run on disk: one JSON line for each step, each evaluation and the test, flushed before anything else happens.
 *
 * It is longer-lived than checkpoints: after a crash it says how far the run had come, and what its steps have to give again.
 */
import { open, readFile, truncate, type FileHandle } from "node:fs/promises";
import type { LoggedEvaluation, LoggedStep, LoggedTest, StepLog } from "../loop/checkpointStore.ts";
import { TrainingError } from "../loop/trainingError.ts";
import { diskError } from "./durableFiles.ts";

export class StepLogFile implements StepLog {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #steps: LoggedStep[] = [];
  readonly #evaluations = new Map<number, LoggedEvaluation>();
  #test: LoggedTest | null = null;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** A last line that a crash has cut off is removed. @throws TrainingError for a file that is no such log */
  static async open(path: string): Promise<StepLogFile> {
    const file = await open(path, "a");
    try {
      const text = await readFile(path, "utf8");
      const whole = text.slice(0, text.lastIndexOf("\n") + 1);
      if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
      const log = new StepLogFile(path, file);
      whole
        .split("\n")
        .slice(0, -1)
        .forEach((line, index) => log.#read(line, index + 1));
      return log;
    } catch (error) {
      // Node ends a process in which a file is collected that nobody has closed.
      await file.close();
      throw error;
    }
  }

  get lastStep(): number {
    return this.#steps.length;
  }

  /** In order. */
  get steps(): readonly LoggedStep[] {
    return this.#steps;
  }

  get evaluations(): readonly LoggedEvaluation[] {
    return [...this.#evaluations.values()];
  }

  get test(): LoggedTest | null {
    return this.#test;
  }

  find(step: number): LoggedStep | undefined {
    return this.#steps[step - 1];
  }

  async appendStep(entry: LoggedStep): Promise<void> {
    if (entry.step !== this.lastStep + 1)
      throw new Error(`internal: step ${entry.step} in the log after step ${this.lastStep}`);
    await this.#append(entry);
    this.#steps.push(entry);
  }

  async appendEvaluation(entry: LoggedEvaluation): Promise<void> {
    if (this.#evaluations.has(entry.step)) return;
    await this.#append(entry);
    this.#evaluations.set(entry.step, entry);
  }

  async appendTest({ step, ...test }: LoggedTest): Promise<void> {
    await this.#append({ step, test });
    this.#test = { step, ...test };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(entry: object): Promise<void> {
    try {
      await this.#file.appendFile(`${JSON.stringify(entry)}\n`);
      await this.#file.datasync();
    } catch (error) {
      throw diskError(error, this.#path);
    }
  }

  #read(line: string, number: number): void {
    const entry = parse(line);
    if (isEvaluation(entry)) this.#evaluations.set(entry.step, entry);
    else if (isTest(entry)) this.#test = { step: entry.step, ...entry.test };
    else if (isStep(entry) && entry.step === this.lastStep + 1) this.#steps.push(entry);
    else {
      const expected = `step ${this.lastStep + 1}, an evaluation or the test`;
      throw new TrainingError(
        "checkpoint_unusable",
        `${this.#path}, line ${number}: expected ${expected}, got ${line.slice(0, 80)} (start anew in another folder)`,
      );
    }
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const isStep = (entry: unknown): entry is LoggedStep =>
  typeof entry === "object" && entry !== null && "step" in entry && "loss" in entry && "gradientNorm" in entry;

const isEvaluation = (entry: unknown): entry is LoggedEvaluation =>
  typeof entry === "object" && entry !== null && "step" in entry && "metrics" in entry;

const isTest = (entry: unknown): entry is { readonly step: number; readonly test: Omit<LoggedTest, "step"> } =>
  typeof entry === "object" && entry !== null && "step" in entry && "test" in entry;
