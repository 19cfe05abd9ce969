/**
 * @file Folders of shared programs that are kept while adapters are loaded beside a model, since the next adapter maps them too.
 *
 * Each is about one and a half times as large as the layers' weights. A process that is killed leaves its folders behind: the next one
 * on the machine that needs a folder removes those of processes that there are not any more.
 */
import { isRunning, isSystemError } from "@stagecoach/transformer/node";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "stagecoach-program-";

type Kept = { readonly folder: string; readonly users: Set<number> };

export class ProgramFolders {
  readonly #kept = new Map<number, Kept>();

  /**
   * The folder of a base's program, for one adapter more.
   * @param write - makes the program where there is none, or no longer: others clean up folders for temporary files too
   */
  async join(adapter: number, base: number, write: (folder: string) => Promise<void>): Promise<string> {
    const kept = this.#kept.get(base);
    if (kept !== undefined && existsSync(kept.folder)) {
      kept.users.add(adapter);
      return kept.folder;
    }
    await removeAbandoned();
    const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
    try {
      await write(folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    this.#kept.set(base, { folder, users: new Set([...(kept?.users ?? []), adapter]) });
    return folder;
  }

  /** A model is not there any more, or is about to be another one; an adapter or a base. What has been mapped stays mapped. */
  async leave(model: number): Promise<void> {
    for (const [base, { folder, users }] of this.#kept) {
      users.delete(model);
      if (base !== model && users.size > 0) continue;
      this.#kept.delete(base);
      await rm(folder, { recursive: true, force: true });
    }
  }

  async removeAll(): Promise<void> {
    for (const { folder } of this.#kept.values()) await rm(folder, { recursive: true, force: true });
    this.#kept.clear();
  }
}

/** As far as they are ours: another user's stay. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = /^stagecoach-program-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch((error: unknown) => {
      if (!isSystemError(error, "EPERM", "EACCES")) throw error;
    });
  }
}
