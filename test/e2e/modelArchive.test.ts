/** @file `/v1/models/{model}/archive`: the tar file of a fine-tuned model, as GNU tar reads it; nothing trains (test/harness/startJobApp.ts). */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { startJobApp, type JobApp } from "../harness/startJobApp.ts";

let app: JobApp;
let folder: string;
beforeAll(async () => {
  app = await startJobApp();
  folder = mkdtempSync(join(tmpdir(), "stagecoach-archive-"));
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** More than sockets and pipes hold. */
const LARGE = 24 << 20;

let model: { readonly id: string; readonly folder: string };
let numJobs = 0;
beforeEach(async () => {
  await app.lazy.get();
  const job = await app.test.create();
  (await app.test.runner.started(++numJobs)).succeed();
  const { model_name } = await app.test.reaching(job.id, "succeeded");
  model = (await app.test.jobs.models.find(model_name))!;
});

const archiveOf = (id: string) => app.get(`/v1/models/${id}/archive`);
const filesOf = (root: string) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)))
    .toSorted();
const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
/** Files of the model that this process has open. */
const openFiles = () =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(model.folder) ? [path] : [];
    } catch {
      return [];
    }
  });

describe("GET /v1/models/{model}/archive", () => {
  test("gives what the model's folder has, byte for byte, in one folder", async () => {
    cpSync(tinyEncoder, model.folder, { recursive: true });
    const response = await archiveOf(model.id);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/x-tar");
    const name = model.id.replaceAll(/:+/g, "-");
    expect(response.headers.get("content-disposition")).toBe(`attachment; filename=${name}.tar`);
    const file = join(folder, "model.tar");
    writeFileSync(file, new Uint8Array(await response.arrayBuffer()));
    const expected = filesOf(model.folder);
    expect(expected).toContain("1_Pooling/config.json");
    const listed = execFileSync("tar", ["--list", "--file", file], { encoding: "utf8" }).trim().split("\n");
    expect(listed).toEqual(expected.map((path) => `${name}/${path}`));
    const output = join(folder, "unpacked");
    mkdirSync(output);
    execFileSync("tar", ["--extract", "--file", file, "--directory", output]);
    expect(filesOf(join(output, name))).toEqual(expected);
    for (const path of expected)
      expect(readFileSync(join(output, name, path)).equals(readFileSync(join(model.folder, path)))).toBe(true);
    expect(openFiles()).toEqual([]);
  });

  test("is whole although the model is deleted meanwhile", async () => {
    const bytes = randomBytes(LARGE);
    writeFileSync(join(model.folder, "model.safetensors"), bytes);
    const response = await archiveOf(model.id);
    const reader = response.body!.getReader();
    const chunks = [(await reader.read()).value!];
    const deleted = await fetch(`${app.url}/v1/models/${model.id}`, { method: "DELETE" });
    expect(deleted.status).toBe(200);
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
    const unpacked = execFileSync("tar", ["--extract", "--to-stdout", "--wildcards", "*/model.safetensors"], {
      input: Buffer.concat(chunks),
      maxBuffer: 2 * LARGE,
    });
    expect(digestOf(unpacked)).toBe(digestOf(bytes));
    expect((await archiveOf(model.id)).status).toBe(404);
  });

  test("stops when its client leaves, and is counted as 499", async () => {
    writeFileSync(join(model.folder, "model.safetensors"), new Uint8Array(LARGE));
    const leaving = new AbortController();
    const response = await fetch(`${app.url}/v1/models/${model.id}/archive`, { signal: leaving.signal });
    await response.body!.getReader().read();
    expect(openFiles().length).toBeGreaterThan(0);
    leaving.abort();
    await eventually(() => expect(openFiles()).toEqual([]));
    const left = 'stagecoach_http_requests_total{route="/v1/models/{model}/archive",method="GET",status="499"} 1';
    await eventually(async () => expect(await app.serving.metrics.text()).toContain(left));
  });

  test("is there of what jobs have made only", async () => {
    const response = await archiveOf("org/tiny");
    expect(response.status).toBe(404);
    expect(JSON.parse(await text(response.body!))).toEqual({
      error: {
        message: "The model `org/tiny` does not exist, or no job has made it: only fine-tuned models can be taken away",
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    });
  });
});
