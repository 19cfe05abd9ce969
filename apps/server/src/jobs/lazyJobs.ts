/** @file Jobs that are opened when somebody first asks for them: a server that only serves keeps no database. */
import { RefusedError } from "./errors.ts";
import type { Jobs } from "./openJobs.ts";

export class LazyJobs {
  readonly #open: () => Promise<Jobs>;
  #opening: Promise<Jobs> | null = null;
  #isClosed = false;
  /** The jobs, once they are open. */
  opened: Jobs | null = null;

  constructor(open: () => Promise<Jobs>) {
    this.#open = open;
  }

  /** What opening throws, it throws; the next call tries again. */
  async open(): Promise<Jobs> {
    this.#opening ??= this.#open();
    try {
      this.opened = await this.#opening;
      return this.opened;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }

  /** For requests. @throws RefusedError `jobs_unavailable` with the reason */
  async get(): Promise<Jobs> {
    if (this.#isClosed) throw new RefusedError("jobs_unavailable", "the server is stopping");
    try {
      return await this.open();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new RefusedError("jobs_unavailable", `files and jobs cannot be used now: ${why}`, { cause });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const jobs = await this.#opening?.catch(() => null);
    await jobs?.close();
  }
}
