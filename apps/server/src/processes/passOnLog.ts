/** @file The log of a child process, as part of this one's. */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Logger } from "pino";

export type LoggedChild = {
  /** What messages call it. */
  readonly name: string;
  /** What each entry says of it. */
  readonly facts: Readonly<Record<string, unknown>>;
};

/** Lines of JSON become log entries; anything else (a crash's last words) is logged as it is. */
export function passOnLog(stderr: Readable, log: Logger, { name, facts }: LoggedChild): void {
  createInterface({ input: stderr }).on("line", (line) => {
    if (line.trim() === "") return;
    try {
      const { msg, level: _level, time: _time, ...entry } = JSON.parse(line) as Record<string, unknown>;
      log.info({ ...facts, ...entry }, `${name}: ${String(msg)}`);
    } catch {
      log.warn({ ...facts, text: line }, `${name} wrote`);
    }
  });
}
