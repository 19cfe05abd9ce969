/** @file `/v1/files` as OpenAI's clients see it; nothing trains (test/harness/startJobApp.ts). */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import OpenAI, { ConflictError, NotFoundError, toFile } from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startJobApp, type JobApp } from "../harness/startJobApp.ts";
import { eventually } from "../harness/eventually.ts";

const LINE = '{"text":"a","label":"b"}\n';

let app: JobApp;
let client: OpenAI;
beforeEach(async () => {
  app = await startJobApp();
  client = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: "unused", maxRetries: 0 });
});
afterEach(() => app[Symbol.asyncDispose]());

const upload = async (text = LINE, name = "train.jsonl") =>
  client.files.create({ file: await toFile(Buffer.from(text), name), purpose: "fine-tune" });
const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { message: string; type: string; param: string | null; code: string | null } })
    .error;
const stored = () =>
  readdirSync(join(app.test.dataDir, "files"), { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  );

describe("/v1/files", () => {
  test("openai's client uploads, waits, lists, reads and deletes", async () => {
    const before = Math.floor(Date.now() / 1000);
    const file = await upload(LINE, "trän.jsonl");
    expect(file).toEqual({
      id: expect.stringMatching(/^file-\w{24}$/) as string,
      object: "file",
      bytes: LINE.length,
      created_at: file.created_at,
      expires_at: null,
      filename: "trän.jsonl",
      purpose: "fine-tune",
      status: "processed",
      status_details: null,
    });
    expect(file.created_at).toBeGreaterThanOrEqual(before);
    expect(file.created_at).toBeLessThanOrEqual(Date.now() / 1000);
    expect(await client.files.waitForProcessing(file.id)).toEqual(file);
    expect(await client.files.retrieve(file.id)).toEqual(file);
    expect(await (await client.files.content(file.id)).text()).toBe(LINE);
    expect((await client.files.list()).data).toEqual([file]);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: "file", deleted: true });
    await expect(client.files.retrieve(file.id)).rejects.toThrow(NotFoundError);
    expect(stored()).toEqual([]);
  });

  test("lists in pages that openai's client follows", async () => {
    const ids: string[] = [];
    for (const text of ["1", "2", "3", "4", "5"]) ids.push((await upload(text)).id);
    const listed: string[] = [];
    for await (const file of client.files.list({ limit: 2, order: "asc" })) listed.push(file.id);
    expect(listed).toEqual(ids);
    const page = await app.get("/v1/files?limit=2&purpose=fine-tune");
    expect(await page.json()).toMatchObject({ object: "list", first_id: ids[4], last_id: ids[3], has_more: true });
    expect(await (await app.get("/v1/files?purpose=evals")).json()).toEqual({
      object: "list",
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  test("expires_after says when a file is to go", async () => {
    const file = await client.files.create({
      file: await toFile(Buffer.from(LINE), "a.jsonl"),
      purpose: "fine-tune",
      expires_after: { anchor: "created_at", seconds: 7200 },
    });
    expect(file.expires_at).toBe(file.created_at + 7200);
  });

  test("any bytes come back as they were, in chunks of any size", async () => {
    const bytes = Buffer.from(Array.from({ length: 900 }, (_, index) => (index * 7919) % 256));
    const file = await client.files.create({ file: await toFile(bytes, "a.bin"), purpose: "user_data" });
    const answer = await app.get(`/v1/files/${file.id}/content`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect(answer.headers.get("content-length")).toBe("900");
    expect(answer.headers.get("content-disposition")).toBe("attachment; filename=a.bin");
    expect(stored().map(({ name }) => name)).toEqual([createHash("sha256").update(bytes).digest("hex")]);
  });

  const form = (fields: Readonly<Record<string, string | Blob>>) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      if (typeof value === "string") data.append(name, value);
      else data.append(name, value, "a.jsonl");
    }
    return data;
  };
  const file = new Blob([LINE]);
  const forms: [
    what: string,
    fields: Record<string, string | Blob>,
    expected: [field: string | null, message: RegExp],
  ][] = [
    ["no purpose", { file }, ["purpose", /purpose/]],
    ["an unknown purpose", { file, purpose: "fine-tuning" }, ["purpose", /expected one of "fine-tune"/]],
    ["no file", { purpose: "fine-tune" }, ["file", /expected a file in the field "file", got none/]],
    [
      "a file in another field",
      { data: file, purpose: "fine-tune" },
      ["data", /expected the file in the field "file"/],
    ],
    ["an unknown field", { file, purpose: "fine-tune", color: "red" }, [null, /color/]],
    ["half an expiry", { file, purpose: "fine-tune", "expires_after[seconds]": "7200" }, [null, /expected both/]],
    [
      "an expiry that is too short",
      { file, purpose: "fine-tune", "expires_after[seconds]": "5", "expires_after[anchor]": "created_at" },
      ["expires_after[seconds]", />=3600/],
    ],
    ["an empty file", { file: new Blob([]), purpose: "fine-tune" }, ["file", /got an empty file/]],
  ];
  test.each(forms)("%s is a 400 that names the field, and leaves nothing", async (_, fields, [param, message]) => {
    const response = await fetch(`${app.url}/v1/files`, { method: "POST", body: form(fields) });
    expect(response.status).toBe(400);
    const error = await errorOf(response);
    expect(error).toMatchObject({ type: "invalid_request_error", param });
    expect(error.message).toMatch(message);
    expect(stored()).toEqual([]);
  });

  test.each([
    ["JSON", "application/json", '{"purpose":"fine-tune"}'],
    ["no boundary", "multipart/form-data", "x"],
    [
      "a form that ends early",
      "multipart/form-data; boundary=x",
      '--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\nabc',
    ],
    ["nothing", "multipart/form-data; boundary=x", ""],
  ])("%s instead of a form is a 400, and leaves nothing", async (_, type, body) => {
    const response = await fetch(`${app.url}/v1/files`, { method: "POST", body, headers: { "content-type": type } });
    expect(response.status).toBe(400);
    expect((await errorOf(response)).message).toMatch(/expected a form \(multipart\/form-data\)/);
    expect(stored()).toEqual([]);
  });

  test("two files are a 400", async () => {
    const data = form({ file, purpose: "fine-tune" });
    data.append("file", file, "b.jsonl");
    const response = await fetch(`${app.url}/v1/files`, { method: "POST", body: data });
    expect([response.status, (await errorOf(response)).message]).toEqual([
      400,
      "`file`: expected one file, got several",
    ]);
    expect(stored()).toEqual([]);
  });

  test.each([1001, 90_000, 2_000_000])("a file of %i bytes is a 413 that says how large it may be", async (bytes) => {
    const data = form({ purpose: "fine-tune", file: new Blob([new Uint8Array(bytes)]) });
    const response = await fetch(`${app.url}/v1/files`, { method: "POST", body: data });
    expect(response.status).toBe(413);
    expect(await errorOf(response)).toMatchObject({
      param: "file",
      message: expect.stringContaining("at most 1000 bytes") as string,
    });
    expect(stored()).toEqual([]);
  });

  test("a form whose bytes belong to no file has the same limit, also when it does not say its size", async () => {
    const piece = Buffer.alloc(10_000, "a");
    const pieces = { left: 200 };
    const body = new ReadableStream({
      pull(controller) {
        if (pieces.left-- > 0) controller.enqueue(piece);
        else controller.close();
      },
    });
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const request = { method: "POST", body, headers, duplex: "half" };
    const response = await fetch(`${app.url}/v1/files`, request as RequestInit);
    expect([response.status, (await errorOf(response)).message]).toEqual([
      413,
      expect.stringContaining("expected at most 1000 bytes, got more"),
    ]);
    expect(stored()).toEqual([]);
  });

  test("beyond the quota is a 413 that says so", async () => {
    for (let index = 0; index < 10; index++) await upload(`${index}`.repeat(1000));
    await expect(upload()).rejects.toMatchObject({ status: 413, code: "quota_exceeded" });
  });

  test("a client that leaves in the middle leaves nothing", async () => {
    const leaving = new AbortController();
    const begun = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\nabc';
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from(begun)) });
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const request = { method: "POST", body, headers, duplex: "half", signal: leaving.signal };
    const answer = fetch(`${app.url}/v1/files`, request as RequestInit);
    await eventually(() => expect(stored().length).toBe(1));
    leaving.abort();
    await expect(answer).rejects.toThrow(/abort/);
    await eventually(() => expect(stored()).toEqual([]));
  });

  test("a file that a job reads cannot be deleted until the job has ended", async () => {
    const { id: training_file } = await upload();
    const job = await client.fineTuning.jobs.create({ model: "org/tiny", training_file });
    const deletion = client.files.delete(job.training_file);
    await expect(deletion).rejects.toThrow(ConflictError);
    await expect(deletion).rejects.toThrow(new RegExp(`is read by the job ${job.id}`));
    // openai's client would repeat a conflict otherwise.
    const answer = await fetch(`${app.url}/v1/files/${job.training_file}`, { method: "DELETE" });
    expect(answer.headers.get("x-should-retry")).toBe("false");
    await client.fineTuning.jobs.cancel(job.id);
    await client.files.delete(job.training_file);
  });

  test.each(["/v1/files/file-x", "/v1/files/file-x/content"])("GET %s is a 404", async (path) => {
    const response = await app.get(path);
    expect([response.status, await errorOf(response)]).toEqual([
      404,
      { message: "No such File object: file-x", type: "invalid_request_error", param: "id", code: "not_found" },
    ]);
  });

  test.each(["limit=0", "limit=10001", "limit=a", "order=up", "after=file-x", "color=red", "limit=1&limit=2"])(
    "GET /v1/files?%s is a 400",
    async (query) => {
      const response = await app.get(`/v1/files?${query}`);
      expect(response.status).toBe(400);
      expect((await errorOf(response)).message.length).toBeGreaterThan(10);
    },
  );
});
