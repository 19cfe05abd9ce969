/** @file Progress of work in phases: a bar for each, and lines of their own between them. */
import type { LoadProgress } from "@stagecoach/training/node";
import type { DownloadProgress } from "@stagecoach/transformer/node";
import { ProgressBar, type Progress, type ProgressOutput } from "./progressBar.ts";

export class PhaseBars {
  readonly #output: ProgressOutput;
  #bar: ProgressBar;
  #phase: string | null = null;

  constructor(output: ProgressOutput) {
    this.#output = output;
    this.#bar = new ProgressBar(output);
  }

  /** @param phase - another one begins another bar */
  update(phase: string, progress: Progress): void {
    if (phase !== this.#phase) {
      this.#bar.finish();
      this.#bar = new ProgressBar(this.#output);
      this.#phase = phase;
    }
    this.#bar.update(progress);
  }

  downloading({ file, bytes, totalBytes }: DownloadProgress): void {
    this.update("download", { label: file, done: bytes, total: totalBytes });
  }

  reading({ file, pass, bytesRead, bytesTotal }: LoadProgress): void {
    const label = `${pass === "scan" ? "checking" : "encoding"} ${file}`;
    this.update(label, { label, done: bytesRead, total: bytesTotal });
  }

  /** A line of its own. */
  note(message: string): void {
    this.#bar.finish();
    this.#output.write(`${message}\n`);
  }

  finish(): void {
    this.#bar.finish();
  }
}
