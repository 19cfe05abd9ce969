import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { resolveModel } from "./resolveModel.ts";
import type { ResolveModelOptions } from "./resolveModel.ts";
import { bytesOf, FakeHub, sha256 } from "./testing/fakeHub.ts";
import type { Fault } from "./testing/fakeHub.ts";
import { tinyModel, wantedFiles, weightBytes } from "./testing/tinyModel.ts";

const weights = "model.safetensors";
const weightsHash = sha256(bytesOf(tinyModel.files[weights] ?? ""));
let scratch: string;
let cacheFolder: string;
let hub: FakeHub;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "downloadBlob-"));
});
afterAll(() => rm(scratch, { recursive: true }));
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(scratch, "cache-"));
  hub = await FakeHub.start(tinyModel);
});
afterEach(() => hub[Symbol.asyncDispose]());

const download = (more: ResolveModelOptions = {}) =>
  resolveModel(tinyModel.id, {
    env: { HOME: scratch },
    endpoint: hub.endpoint,
    cacheFolder,
    ...more,
    limits: { retryDelayMs: 1, idleTimeoutMs: 5_000, ...more.limits },
  });
const blobs = () => join(cacheFolder, "models--org--tiny/blobs");
const partPath = () => join(blobs(), `${weightsHash}.stagecoach.incomplete`);
const ranges = () => hub.fetchesOf(weights).map(({ range }) => range);
/** A cut may lose bytes that the client had not read yet, so the place is not exact. */
const someRange: unknown = expect.stringMatching(/^bytes=[1-9]\d*-$/);
const tokensSeenBy = (server: string) =>
  new Set(hub.requests.filter((seen) => seen.server === server).map(({ authorization }) => authorization));
const fail = (...faults: Fault[]) => hub.faults.set(weights, faults);
async function expectWhole(): Promise<void> {
  expect(sha256(await readFile(join(blobs(), weightsHash)))).toBe(weightsHash);
  expect((await readdir(blobs())).filter((name) => name.includes("incomplete"))).toEqual([]);
}

describe("downloadBlob()", () => {
  test("goes on where a connection was cut, and checks the whole", async () => {
    fail({ kind: "cut", afterBytes: 100_000 }, { kind: "cut", afterBytes: 150_000 });
    await download();
    expect(ranges()).toEqual([undefined, someRange, someRange]);
    await expectWhole();
  });

  test("goes on with what an earlier run has left", async () => {
    hub.lastingFaults.set(weights, { kind: "cut", afterBytes: 0 });
    fail({ kind: "cut", afterBytes: 120_000 });
    await expect(download()).rejects.toMatchObject({ code: "model_unavailable", reason: "network" });
    const { size } = await stat(partPath());
    expect(size).toBeGreaterThan(0);
    hub.lastingFaults.clear();
    hub.requests.length = 0;
    await download();
    expect(ranges()).toEqual([`bytes=${size}-`]);
    await expectWhole();
  });

  test("gives up after 5 tries without progress, not after 5 cuts", async () => {
    fail(...Array.from({ length: 9 }, () => ({ kind: "cut", afterBytes: 30_000 }) as const));
    await download();
    expect(ranges().length).toBeGreaterThanOrEqual(10);
    await expectWhole();
    await rm(cacheFolder, { recursive: true });
    hub.requests.length = 0;
    hub.lastingFaults.set(weights, { kind: "cut", afterBytes: 0 });
    await expect(download()).rejects.toThrow("a network failure");
    expect(ranges().length).toBe(5);
  });

  test("begins again when the server ignores the range", async () => {
    fail({ kind: "cut", afterBytes: 100_000 }, { kind: "ignoreRange" });
    await download();
    expect(ranges()).toEqual([undefined, someRange]);
    await expectWhole();
  });

  test("ends when the server ignores ranges and always cuts at the same place", async () => {
    hub.lastingFaults.set(weights, { kind: "cut", afterBytes: 100_000, ignoresRange: true });
    await expect(download()).rejects.toMatchObject({ reason: "network" });
    expect(ranges().length).toBeLessThan(12);
  });

  test("begins again when the server sends another range than asked for", async () => {
    fail({ kind: "cut", afterBytes: 100_000 }, { kind: "wrongRange" });
    await download();
    expect(ranges()).toEqual([undefined, someRange, undefined]);
    await expectWhole();
  });

  test("downloads a file with a wrong checksum once more from the beginning", async () => {
    fail({ kind: "corrupt" });
    await download();
    expect(ranges()).toEqual([undefined, undefined]);
    await expectWhole();
  });

  test.each([weights, "config.json"])(
    "refuses %s when its checksum is wrong twice, and keeps nothing of it",
    async (path) => {
      hub.lastingFaults.set(path, { kind: "corrupt" });
      await expect(download()).rejects.toMatchObject({ code: "download_corrupt" });
      expect(hub.fetchesOf(path).length).toBe(2);
      expect(await readdir(join(cacheFolder, "models--org--tiny"))).toEqual(["blobs"]);
    },
  );

  test("checks the part of an earlier run as well", async () => {
    fail({ kind: "cut", afterBytes: 100_000 });
    hub.lastingFaults.set(weights, { kind: "status", status: 503 });
    await expect(download()).rejects.toThrow("503");
    hub.lastingFaults.clear();
    await writeFile(partPath(), new Uint8Array(100_000));
    hub.requests.length = 0;
    await download();
    expect(ranges()).toEqual([someRange, undefined]);
    await expectWhole();
  });

  test.each([weightBytes - 7, weightBytes + 7])("refuses a file whose announced size is %i", async (size) => {
    hub.announcedSizes.set(weights, size);
    await expect(download()).rejects.toMatchObject({ code: "download_corrupt" });
    expect(await messageOf(download())).toContain(`expected ${size} bytes`);
  });

  test("shows the token to the hub and never to the storage server", async () => {
    await download({ token: "hf_secret" });
    expect(tokensSeenBy("hub")).toEqual(new Set(["Bearer hf_secret"]));
    expect(tokensSeenBy("storage")).toEqual(new Set([undefined]));
  });

  test("follows a relative redirect on the hub's own origin, with the token", async () => {
    const target = `/${tinyModel.id}/resolve/${tinyModel.commit}/vocab.txt?again=1`;
    hub.faults.set("vocab.txt", [{ kind: "redirect", location: target }]);
    await download({ token: "hf_secret" });
    expect(hub.fetchesOf("vocab.txt").map(({ authorization }) => authorization)).toEqual(
      Array(2).fill("Bearer hf_secret"),
    );
  });

  test.each(["file:///etc/passwd", "ftp://127.0.0.1/x", "http://"])("refuses a redirect to %s", async (location) => {
    hub.faults.set("vocab.txt", [{ kind: "redirect", location }]);
    await expect(download()).rejects.toMatchObject({ code: "unexpected_response" });
  });

  test("refuses redirects without end", async () => {
    const location = `/${tinyModel.id}/resolve/${tinyModel.commit}/vocab.txt`;
    hub.lastingFaults.set("vocab.txt", { kind: "redirect", location });
    await expect(download()).rejects.toThrow("more than 10 redirects");
    expect(hub.fetchesOf("vocab.txt").length).toBe(11);
  });

  test.each([429, 503])("waits as long as a %i asks for", async (status) => {
    fail({ kind: "status", status, headers: { "retry-after": "1" } });
    const startMs = performance.now();
    await download();
    expect(performance.now() - startMs).toBeGreaterThan(990);
    await expectWhole();
  });

  test("does not wait for an hour", async () => {
    fail({ kind: "status", status: 429, headers: { "retry-after": "3600" } });
    const message = await messageOf(download());
    expect(message).toContain("which asks to wait 3600 s");
    expect(ranges().length).toBe(1);
  });

  test("asks the hub for a new address when the storage server refuses one", async () => {
    fail({ kind: "status", status: 403 });
    await download();
    expect(ranges().length).toBe(2);
    await expectWhole();
  });

  test("takes a connection on which nothing arrives for a cut one", async () => {
    fail({ kind: "stall", afterBytes: 100_000 });
    await download({ limits: { idleTimeoutMs: 300 } });
    expect(ranges()).toEqual([undefined, someRange]);
    await expectWhole();
  });

  test("does not cut a slow connection on which bytes keep arriving", async () => {
    fail({ kind: "slow", chunkBytes: 10_000, everyMs: 40 });
    const startMs = performance.now();
    await download({ limits: { idleTimeoutMs: 600 } });
    expect(performance.now() - startMs).toBeGreaterThan(1_000);
    expect(ranges()).toEqual([undefined]);
  });

  test("stops at once when aborted, with the reason, and keeps what has arrived", async () => {
    fail({ kind: "slow", chunkBytes: 10_000, everyMs: 50 });
    const controller = new AbortController();
    const work = download({
      signal: controller.signal,
      onProgress: ({ file, bytes }) => file === weights && bytes > 50_000 && controller.abort(new Error("enough")),
    });
    await expect(work).rejects.toThrow("enough");
    expect((await stat(partPath())).size).toBeGreaterThanOrEqual(50_000);
    expect(await readdir(join(cacheFolder, ".locks/models--org--tiny"))).toEqual([]);
    hub.requests.length = 0;
    await download();
    expect(ranges()).toEqual([someRange]);
    await expectWhole();
  });

  test("stops while it waits for a busy hub", async () => {
    fail({ kind: "status", status: 429, headers: { "retry-after": "60" } });
    const work = download({ signal: AbortSignal.timeout(200) });
    await expect(work).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("two downloads of the same model", () => {
  test("at once in one process fetch each file once", async () => {
    hub.lastingFaults.set(weights, { kind: "slow", chunkBytes: 50_000, everyMs: 20 });
    const found = await Promise.all([download(), download(), download()]);
    expect(new Set(found.map(({ folder }) => folder)).size).toBe(1);
    for (const path of wantedFiles) expect(hub.fetchesOf(path).length).toBe(1);
    await expectWhole();
  });

  test("at once in two processes fetch each file once", async () => {
    hub.lastingFaults.set(weights, { kind: "slow", chunkBytes: 20_000, everyMs: 20 });
    const exits = await Promise.all([await startProcess(), await startProcess()].map((child) => once(child, "exit")));
    expect(exits).toEqual([[0, null], [0, null]]); // prettier-ignore
    for (const path of wantedFiles) expect(hub.fetchesOf(path).length).toBe(1);
    await expectWhole();
  });

  test("one after another: what a killed process has fetched is not fetched again", async () => {
    hub.lastingFaults.set(weights, { kind: "slow", chunkBytes: 20_000, everyMs: 20 });
    const child = await startProcess();
    await vi.waitFor(async () => expect((await stat(partPath())).size).toBeGreaterThan(100_000), {
      timeout: 10_000,
      interval: 10,
    });
    child.kill("SIGKILL");
    await once(child, "exit");
    hub.lastingFaults.clear();
    hub.requests.length = 0;
    await download();
    expect(ranges()).toEqual([expect.stringMatching(/^bytes=[1-9]\d{5}-$/)]);
    await expectWhole();
  });
});

/** A process of its own that downloads the model and ends with 0. */
async function startProcess(): Promise<ChildProcess> {
  const program = join(await mkdtemp(join(scratch, "program-")), "download.mts");
  const options = { env: { HOME: scratch }, endpoint: hub.endpoint, cacheFolder };
  const source = `import { resolveModel } from ${JSON.stringify(new URL("resolveModel.ts", import.meta.url).href)};
    await resolveModel(${JSON.stringify(tinyModel.id)}, ${JSON.stringify(options)});
    process.disconnect();`;
  await writeFile(program, source);
  return fork(program, { execArgv: [] });
}

function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "",
    (error: Error) => error.message,
  );
}
