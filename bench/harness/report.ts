/** @file Results as people read them, and as a file with machine and date. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatRatio, verdict, type RatioSummary } from "./pairs.ts";
import { machine, results } from "./settings.ts";

type Row = { readonly claim: string; readonly result: string; readonly verdict: string };

export class Report {
  readonly #name: string;
  readonly #rows: Row[] = [];
  readonly #raw: Record<string, unknown> = {};

  constructor(name: string) {
    this.#name = name;
    console.log(`${name}: ${machine()}\n`);
  }

  /** A ratio against a bar that it must reach. */
  ratio(claim: string, summary: RatioSummary, bar: number): void {
    const result = formatRatio(summary);
    this.#add({ claim: `${claim} (at least ${bar})`, result, verdict: verdict(summary, bar) }, { bar, ...summary });
  }

  /** A value below a limit. */
  atMost(claim: string, value: number, { limit, unit }: { readonly limit: number; readonly unit: string }): void {
    const shown = value < 0.001 ? value.toExponential(2) : value.toPrecision(4);
    this.#add(
      {
        claim: `${claim} (at most ${limit} ${unit})`,
        result: `${shown} ${unit}`,
        verdict: value <= limit ? "reached" : "missed",
      },
      { value, limit },
    );
  }

  note(claim: string, result: string): void {
    this.#add({ claim, result, verdict: "" }, { result });
  }

  #add(row: Row, raw: unknown): void {
    this.#rows.push(row);
    this.#raw[row.claim] = raw;
    console.log(`${row.verdict.padEnd(10)} ${row.claim}\n${" ".repeat(11)}${row.result}`);
  }

  /** Write the table to bench/results. */
  save(command: string): void {
    const date = new Date().toISOString().slice(0, 10);
    const table = [
      "| claim | measured | |",
      "| --- | --- | --- |",
      ...this.#rows.map(({ claim, result, verdict: word }) => `| ${cell(claim)} | ${cell(result)} | ${word} |`),
    ];
    mkdirSync(results, { recursive: true });
    const text = `# ${this.#name}\n\n${date}, ${machine()}\n\n\`${command}\`\n\n${table.join("\n")}\n`;
    writeFileSync(join(results, `${this.#name}.md`), text);
    writeFileSync(
      join(results, `${this.#name}.json`),
      `${JSON.stringify({ date, machine: machine(), command, results: this.#raw }, null, 2)}\n`,
    );
  }
}

/** A bar would begin another cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");
