/** @file One line that says how far a long piece of work has come: a bar in a terminal, a line every ten percent elsewhere. */

export type Progress = {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What is counted; bytes when left out. */
  readonly unit?: string;
  /** What was done before this bar began, which says nothing about the speed. Default 0. */
  readonly doneBefore?: number;
};

export type ProgressOutput = { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };

const BAR_WIDTH = 28;
const REDRAW_MS = 100;

export class ProgressBar {
  readonly #output: ProgressOutput;
  readonly #now: () => number;
  #startedAt: number | null = null;
  #drawnAt = -Infinity;
  readonly #tenths = new Tenths();
  #isDrawn = false;

  constructor(output: ProgressOutput, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  update(progress: Progress): void {
    const now = this.#now();
    this.#startedAt ??= now;
    const line = this.#line(progress, (now - this.#startedAt) / 1000);
    if (this.#output.isTTY === true) {
      if (now - this.#drawnAt < REDRAW_MS && progress.done < progress.total) return;
      this.#drawnAt = now;
      this.#isDrawn = true;
      this.#output.write(`\r\u001b[K${line.slice(0, (this.#output.columns ?? 80) - 1)}`);
    } else if (this.#tenths.isNew(progress.done, progress.total)) {
      this.#output.write(`${line}\n`);
    }
  }

  /** Leave the line as it is and go to the next one. */
  finish(): void {
    if (this.#isDrawn) this.#output.write("\n");
    this.#isDrawn = false;
  }

  #line({ label, done, total, unit, doneBefore = 0 }: Progress, seconds: number): string {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const filled = Math.round(share * BAR_WIDTH);
    const bar = `${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}`;
    const rate = seconds > 0.2 ? (done - doneBefore) / seconds : 0;
    const left = rate > 0 && done < total ? `, ${formatSeconds((total - done) / rate)} left` : "";
    const amount = (value: number) => (unit === undefined ? formatBytes(value) : `${Math.round(value)} ${unit}`);
    const speed =
      rate > 0 ? `, ${unit !== undefined && rate < 10 ? `${rate.toFixed(1)} ${unit}` : amount(rate)}/s` : "";
    return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)}%  ${amount(done)} of ${amount(total)}${speed}${left}  ${label}`;
  }
}

/** The steps in which work is told of where a bar cannot be drawn. */
export class Tenths {
  #highest = -1;

  /** Whether another tenth of the work is done since the last time; the beginning counts as one. */
  isNew(done: number, total: number): boolean {
    const tenth = Math.floor((10 * done) / Math.max(1, total));
    if (tenth <= this.#highest) return false;
    this.#highest = tenth;
    return true;
  }
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

function formatSeconds(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
