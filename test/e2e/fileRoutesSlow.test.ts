/** @file Uploads over slow lines, and bodies that stop: of a real server, whose patience is one second. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RawConnection, requestHead } from "../harness/rawConnection.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

const BODY_TIMEOUT_S = 1;
const KEY = "secret";
const CONTENT = '{"text":"a","label":"b"}\n'.repeat(2);
const FORM = [
  '--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n',
  `--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n${CONTENT}\r\n--x--\r\n`,
].join("");

let server: TestServer;
beforeAll(async () => {
  const flags = ["--body-timeout", String(BODY_TIMEOUT_S), "--api-key", KEY];
  server = await startServer({ flags });
});
afterAll(() => server[Symbol.asyncDispose]());

const headOf = (key: string, contentLength: number) =>
  requestHead("/v1/files", contentLength).replace(
    "Content-Type: application/json",
    `Content-Type: multipart/form-data; boundary=x\r\nAuthorization: Bearer ${key}`,
  );
const incoming = () => readdirSync(join(server.dataDir, "files", "incoming"));

/** Writes the parts one after another, each so long after the one before. @returns how to stop */
function trickle(connection: RawConnection, parts: readonly string[], intervalMs: number): () => void {
  const rest = [...parts];
  const timer = setInterval(() => {
    const part = rest.shift();
    if (part !== undefined && connection.isOpen) connection.write(part);
  }, intervalMs);
  return () => clearInterval(timer);
}

describe(`an upload to a server that waits ${BODY_TIMEOUT_S} s`, () => {
  test("that goes on slowly is taken, though it takes several times as long", async () => {
    using connection = await RawConnection.open(server.url);
    connection.write(headOf(KEY, FORM.length));
    const parts = FORM.match(/.{1,30}/gs)!;
    const started = performance.now();
    const stop = trickle(connection, parts, 600);
    const answer = await connection.until(/^HTTP\/1\.1 \d+ .*\}$/s, 30_000);
    stop();
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain(`"bytes":${CONTENT.length}`);
    // By arithmetic: so many parts, so far apart.
    expect(performance.now() - started).toBeGreaterThan(3 * BODY_TIMEOUT_S * 1000);
  });

  test("that stops is cut off with a 408 that says so, and leaves nothing", async () => {
    using connection = await RawConnection.open(server.url);
    connection.write(headOf(KEY, FORM.length) + FORM.slice(0, -40));
    await eventually(() => expect(incoming()).toHaveLength(1));
    await connection.closed;
    expect(connection.received()).toMatch(/^HTTP\/1\.1 408 /);
    expect(connection.received()).toContain(`nothing of it came for the ${BODY_TIMEOUT_S} s`);
    expect(connection.received()).toContain('"code":"request_timeout"');
    await eventually(() => expect(incoming()).toEqual([]));
    const list = await server.get("/v1/files", { authorization: `Bearer ${KEY}` });
    expect(((await list.json()) as { data: unknown[] }).data.map((file) => (file as { bytes: number }).bytes)).toEqual([
      CONTENT.length,
    ]);
  });

  test("without a key gets its 401 at once, and no more time than any request", async () => {
    using connection = await RawConnection.open(server.url);
    connection.write(headOf("wrong", 1_000_000));
    await connection.until(/^HTTP\/1\.1 401 /);
    const stop = trickle(connection, Array(1000).fill("a"), 50);
    await connection.closed;
    stop();
    expect(connection.received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });
});
