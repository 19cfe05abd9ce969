/** @file Uploaded files: their names and purposes in the store, their contents in a folder, their quota and their end. */
import { Serial } from "@stagecoach/parallel";
import { dataExtensions, formatOfName } from "@stagecoach/training/node";
import { open, type FileHandle } from "node:fs/promises";
import { RefusedError } from "../jobs/errors.ts";
import type { FileRecord } from "../store/fileRecords.ts";
import { newId } from "../store/newId.ts";
import type { Records, Store } from "../store/openStore.ts";
import type { Page } from "../store/page.ts";
import type { ContentFolder, ReceivedContent } from "./contentFolder.ts";

/** OpenAI's purposes of uploads. Jobs read those of the first. */
export const uploadPurposes = ["fine-tune", "assistants", "batch", "vision", "user_data", "evals"] as const;
export type UploadPurpose = (typeof uploadPurposes)[number];
/** What jobs write. */
export const RESULTS_PURPOSE = "fine-tune-results";

export type FileLibraryOptions = {
  readonly store: Store;
  readonly contents: ContentFolder;
  /** Largest upload. */
  readonly maxFileBytes: number;
  /** All files together. */
  readonly maxTotalBytes: number;
  /** Unix seconds. */
  readonly now: () => number;
};

export type Upload = {
  readonly filename: string;
  readonly purpose: UploadPurpose;
  readonly expiresAfterSeconds: number | null;
  readonly content: ReceivedContent;
};

export class FileLibrary {
  readonly #options: FileLibraryOptions;
  /** Contents come and go one at a time, so that none is removed while a file that has it is being added. */
  readonly #changes = new Serial();

  constructor(options: FileLibraryOptions) {
    this.#options = options;
  }

  /** Before anything else: remove what a crash may have left. */
  async prepare(): Promise<void> {
    await this.#options.contents.prepare(await this.#options.store.files.contents());
  }

  /** Take a content in. @throws RefusedError `payload_too_large`, `quota_exceeded`, `disk_full` */
  async receive(source: AsyncIterable<Uint8Array>): Promise<ReceivedContent> {
    const { contents, store, maxFileBytes, maxTotalBytes } = this.#options;
    await this.sweep();
    const free = Math.max(0, maxTotalBytes - (await store.files.totals()).bytes);
    const onTooLarge = () => (free < maxFileBytes ? this.#quotaExceeded(free) : this.#tooLarge());
    return contents.receive(source, { maxBytes: Math.min(maxFileBytes, free), onTooLarge });
  }

  /** Give up a content that was received and not added. */
  discard(content: ReceivedContent): Promise<void> {
    return this.#options.contents.discard(content);
  }

  /** @param formBytes - what its head says, or what has come of it. @throws RefusedError for a form that is too large */
  expectSize(formBytes: number): void {
    // The form around the file adds a little.
    if (formBytes > this.#options.maxFileBytes + 100_000) throw this.#tooLarge();
  }

  /** @throws RefusedError `quota_exceeded`, `invalid_input` */
  add({ filename, purpose, expiresAfterSeconds, content }: Upload): Promise<FileRecord> {
    const { contents, store, maxTotalBytes, now } = this.#options;
    return this.#changes.run(async () => {
      try {
        expectUsable({ filename, purpose, bytes: content.bytes });
        const { bytes } = await store.files.totals();
        if (bytes + content.bytes > maxTotalBytes) throw this.#quotaExceeded(Math.max(0, maxTotalBytes - bytes));
        const created = now();
        const expires = expiresAfterSeconds === null ? null : created + expiresAfterSeconds;
        const record = recordOf(content, { filename, purpose, created_at: created, expires_at: expires });
        await contents.keep(content);
        await store.files.add(record);
        return record;
      } finally {
        await contents.discard(content);
      }
    });
  }

  /** A file that a job has written, outside of the quota; `commit` adds it to the store together with what belongs to it. */
  addResult(
    file: { readonly filename: string; readonly text: string },
    commit: (record: FileRecord) => Promise<boolean>,
  ): Promise<void> {
    const { contents, store, now } = this.#options;
    return this.#changes.run(async () => {
      const unlimited = { maxBytes: Infinity, onTooLarge: () => new Error("internal: no limit") };
      const content = await contents.receive(bytesOf(file.text), unlimited);
      const facts = { filename: file.filename, purpose: RESULTS_PURPOSE, created_at: now(), expires_at: null };
      await contents.keep(content);
      if (!(await commit(recordOf(content, facts))) && !(await store.files.hasContent(content.sha256)))
        await contents.remove(content.sha256);
    });
  }

  /** @throws RefusedError `not_found` */
  async find(id: string): Promise<FileRecord> {
    await this.sweep();
    const file = await this.#options.store.files.find(id);
    if (file === undefined) throw noSuchFile(id);
    return file;
  }

  /** @throws UnknownCursorError */
  async list(request: Parameters<Records["files"]["list"]>[0]): Promise<Page<FileRecord>> {
    await this.sweep();
    return this.#options.store.files.list(request);
  }

  /** Path of a file's content, which stays as long as the file, or a job that reads it. */
  pathOf({ sha256 }: FileRecord): string {
    return this.#options.contents.pathOf(sha256);
  }

  /** The content, open: it can be read to its end although somebody deletes the file. @throws RefusedError `not_found` */
  async open(id: string): Promise<{ readonly file: FileRecord; readonly handle: FileHandle }> {
    await this.sweep();
    return this.#changes.run(async () => {
      const file = await this.#options.store.files.find(id);
      if (file === undefined) throw noSuchFile(id);
      return { file, handle: await open(this.pathOf(file), "r") };
    });
  }

  /** @throws RefusedError `not_found`, or `in_use` while a job reads it */
  async remove(id: string): Promise<void> {
    await this.sweep();
    await this.#changes.run(async () => {
      const job = await this.#removeUnused(id);
      if (job !== null) {
        throw new RefusedError(
          "in_use",
          `The file ${id} is read by the job ${job}, which has not ended: cancel the job first, or wait for its end`,
          { field: "id" },
        );
      }
    });
  }

  /** Remove what has expired, unless a job still reads it. */
  async sweep(): Promise<void> {
    const { store, now } = this.#options;
    for (const id of await store.files.expiredIds(now())) {
      await this.#changes.run(async () => {
        if ((await store.files.find(id)) !== undefined) await this.#removeUnused(id);
      });
    }
  }

  totals(): Promise<{ readonly count: number; readonly bytes: number }> {
    return this.#options.store.files.totals();
  }

  /** @returns the job that keeps it from being removed, or null */
  async #removeUnused(id: string): Promise<string | null> {
    const { store, contents } = this.#options;
    const outcome = await store.transaction(async ({ files, jobs }) => {
      const file = await files.find(id);
      if (file === undefined) throw noSuchFile(id);
      const job = await jobs.usingFile(id);
      if (job !== undefined) return { job: job.id, orphan: null };
      await files.remove(id);
      return { job: null, orphan: (await files.hasContent(file.sha256)) ? null : file.sha256 };
    });
    if (outcome.orphan !== null) await contents.remove(outcome.orphan);
    return outcome.job;
  }

  #tooLarge(): RefusedError {
    const { maxFileBytes } = this.#options;
    return new RefusedError(
      "payload_too_large",
      `\`file\`: expected at most ${maxFileBytes} bytes, got more (compress it with gzip, or raise --max-file-bytes)`,
      { field: "file" },
    );
  }

  #quotaExceeded(free: number): RefusedError {
    const { maxTotalBytes } = this.#options;
    return new RefusedError(
      "quota_exceeded",
      `\`file\`: all files together may have ${maxTotalBytes} bytes and ${free} are free (delete files, or raise --max-files-bytes)`,
      { field: "file" },
    );
  }
}

function noSuchFile(id: string): RefusedError {
  return new RefusedError("not_found", `No such File object: ${id}`, { field: "id" });
}

function recordOf({ bytes, sha256 }: ReceivedContent, facts: Omit<FileRecord, "id" | "bytes" | "sha256">): FileRecord {
  return { id: newId("file-"), bytes, sha256, ...facts };
}

/** @throws RefusedError when no job could read it */
function expectUsable({ filename, purpose, bytes }: Pick<FileRecord, "filename" | "purpose" | "bytes">): void {
  if (purpose !== "fine-tune") return;
  if (formatOfName(filename) === undefined) {
    throw new RefusedError(
      "invalid_input",
      `\`file\`: expected a file name for training that ends in one of ${dataExtensions.join(", ")} (or one of these and .gz), got "${filename}"`,
      { field: "file" },
    );
  }
  if (bytes === 0)
    throw new RefusedError("invalid_input", `\`file\`: expected examples, got an empty file`, { field: "file" });
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
