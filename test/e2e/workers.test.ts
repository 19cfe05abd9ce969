/** @file Workers that join from another process, and whatever else may knock on the port where they do. */
import { encodeFrame, PROTOCOL_VERSION } from "@stagecoach/parallel";
import { crc32 } from "@stagecoach/parallel/node";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { changeWeights, copyModel, editJson } from "../harness/modelFolders.ts";
import { RawConnection } from "../harness/rawConnection.ts";
import {
  freePort,
  launchServer,
  requestsTo,
  startServer,
  startWorker,
  type LaunchedServer,
  type TestServer,
} from "../harness/startServer.ts";
import { TcpRelay } from "../harness/tcpRelay.ts";
import { topologyOf } from "../harness/topologyOf.ts";
import { eventually } from "../harness/eventually.ts";

/** Processes start and find each other while others have the machine. */
const PATIENT = { timeout: 60_000 };

const TOKEN = "a join token of a test, long enough to be a key";

/** A server that leaves stage 1 to a worker from elsewhere, on ports that are known before it serves. */
async function launchOpenServer(flags: readonly string[] = []) {
  const [port, workerPort] = [await freePort(), await freePort()];
  const places = ["--stages", "2", "--external-workers", "1", "--join-token", TOKEN];
  const ports = ["--port", String(port), "--worker-port", String(workerPort)];
  const launched = launchServer({ flags: [...places, ...ports, ...flags] });
  const requests = requestsTo(`http://127.0.0.1:${port}`);
  // Whoever comes first takes stage 0: let that be the server's own child.
  await eventually(() => expect(joins(launched)).toBe(1), PATIENT);
  return { ...launched, ...requests, workerPort, join: ["--join", `ws://127.0.0.1:${workerPort}`, "--token", TOKEN] };
}

const isServing = async (server: Pick<TestServer, "get">) => expect((await server.get("/health")).status).toBe(200);
const untilServing = (server: Pick<TestServer, "get">) =>
  eventually(() => isServing(server), { timeout: 60_000, interval: 50 });
const joins = (server: Pick<LaunchedServer, "log">) => server.log().split('"worker joined"').length - 1;

/** What the server tells of stage 1: which process has it, and how often it had to come back. */
async function lastStage(server: Pick<TestServer, "get">) {
  const { replicas } = await topologyOf(server);
  const { worker, restarts } = replicas[0]!.stages[1]!;
  return { pid: worker?.pid, restarts };
}

async function expectRightAnswer(server: Pick<TestServer, "post">): Promise<void> {
  const response = await server.post("/v1/embeddings", { input: golden.texts });
  expect(response.status).toBe(200);
  const { data } = (await response.json()) as { data: { embedding: number[] }[] };
  const errors = data.map(({ embedding }, index) => largestError(embedding, golden.embeddings[index]!));
  expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
}

describe("stagecoach worker", () => {
  test("takes the place that is left to it; the log tells where workers join, and not the token", async () => {
    await using server = await launchOpenServer();
    await eventually(() => expect(server.log()).toContain(`"join":"ws://127.0.0.1:${server.workerPort}"`), PATIENT);
    // The token comes from the environment here.
    await using worker = startWorker(server.join.slice(0, 2), { env: { STAGECOACH_JOIN_TOKEN: TOKEN } });
    await untilServing(server);
    expect(worker.log()).toContain("worker started");
    await expectRightAnswer(server);
    expect(server.stdout()).toContain(`stagecoach worker --join ws://127.0.0.1:${server.workerPort}`);
    expect(server.log() + server.stdout()).not.toContain(TOKEN);
  });

  test("can have the model elsewhere, but not another model: that is refused with the reason, and a right one is let in", async () => {
    using same = copyModel();
    using other = copyModel((folder) => editJson(join(folder, "config.json"), { layer_norm_eps: 1e-5 }));
    await using server = await launchOpenServer();
    {
      await using wrong = startWorker([...server.join, "--model", other.folder]);
      await eventually(() => expect(server.log()).toContain('"code":"model_mismatch"'), PATIENT);
      expect(server.log()).toContain(`the model in ${other.folder} is not the gateway's`);
      const health = await server.get("/health");
      expect([health.status, ((await health.json()) as { error: string }).error]).toEqual([
        503,
        expect.stringContaining("is not the gateway's"),
      ]);
      expect([server.process.exitCode, wrong.process.exitCode]).toEqual([null, null]);
    }
    await using right = startWorker([...server.join, "--model", same.folder]);
    await untilServing(server);
    await expectRightAnswer(server);
    expect(right.process.exitCode).toBeNull();
  });

  test.each([
    ["weights", changeWeights, "its weights differ"],
    [
      "pooling",
      (folder: string) => editJson(join(folder, "1_Pooling/config.json"), { pooling_mode: "max" }),
      "differs",
    ],
  ])("with files that differ in nothing but %s it is refused", async (_, change, why) => {
    using other = copyModel(change);
    await using server = await launchOpenServer();
    await using worker = startWorker([...server.join, "--model", other.folder]);
    await eventually(
      () => expect(server.log()).toContain(`the model in ${other.folder} is not the gateway's`),
      PATIENT,
    );
    expect(server.log()).toContain(why);
    expect(worker.process.exitCode).toBeNull();
  });

  test("with a wrong token it says so, and is not let in", async () => {
    await using server = await launchOpenServer();
    await eventually(() => expect(server.log()).toContain("waiting for workers"), PATIENT);
    await using worker = startWorker([...server.join.slice(0, 2), "--token", "wrong".repeat(8)]);
    await eventually(
      () => expect(worker.log()).toMatch(/the join token was refused .*--token or STAGECOACH_JOIN_TOKEN/),
      PATIENT,
    );
    await eventually(() => expect(joins(server)).toBe(1), PATIENT); // the child
    expect((await server.get("/health")).status).toBe(503);
    expect(worker.log()).not.toContain("wrong".repeat(8));
  });

  test("without a token, or with a URL that is none, it ends with what is missing", async () => {
    await using none = startWorker(["--join", "ws://127.0.0.1:1"]);
    expect(await none.exited).toBe(2);
    expect(none.log()).toMatch(
      /^stagecoach: worker: expected the gateway's join token in --token or STAGECOACH_JOIN_TOKEN/,
    );
    await using http = startWorker(["--join", "http://127.0.0.1:1", "--token", TOKEN]);
    expect(await http.exited).toBe(2);
    expect(http.log()).toMatch(/--join: expected ws:\/\/HOST:PORT or wss:\/\/HOST:PORT/);
    const everywhere = ["--join", "ws://127.0.0.1:1", "--token", TOKEN, "--listen-host", "0.0.0.0"];
    await using nowhere = startWorker(everywhere);
    expect(await nowhere.exited).toBe(2);
    expect(nowhere.log()).toMatch(/--listen-host 0\.0\.0\.0 is no address that others can dial: give --advertise/);
    await using open = startWorker(["--join", "ws://192.0.2.1:1", "--token", TOKEN]);
    await eventually(() => expect(open.log()).toMatch(/expected wss:\/\/ for a host other than this one/), PATIENT);
  });

  test("stands by where all places are taken, and takes over when a child is killed", async () => {
    const workerPort = await freePort();
    await using server = await startServer({
      flags: ["--stages", "2", "--join-token", TOKEN, "--worker-port", String(workerPort)],
    });
    await using standby = startWorker(["--join", `ws://127.0.0.1:${workerPort}`, "--token", TOKEN]);
    await eventually(() => expect(joins(server)).toBe(3), PATIENT);
    const { pid } = server.workerPids().find(({ stage }) => stage === 1)!;
    process.kill(pid, "SIGKILL");
    await expectRightAnswer(server);
    await eventually(() => expect(joins(server)).toBe(4), PATIENT);
    // The child that came back is the one that stands by now: stopping it changes nothing.
    const successor = server.workerPids().find(({ stage }) => stage === 1)!;
    expect(successor.pid).not.toBe(pid);
    const before = await lastStage(server);
    expect(before.pid).toBe(standby.process.pid);
    process.kill(successor.pid, "SIGSTOP");
    await expectRightAnswer(server);
    // Had it waited for the one that stands still, that one would have been given up meanwhile.
    expect(await lastStage(server)).toEqual(before);
    process.kill(successor.pid, "SIGKILL");
    expect(standby.process.exitCode).toBeNull();
  });

  test("when it is gone and nobody comes, requests end with 503 and the number of its stage, within the deadline", async () => {
    await using server = await launchOpenServer(["--request-timeout", "2"]);
    const worker = startWorker(server.join);
    await untilServing(server);
    worker.process.kill("SIGKILL");
    await worker.exited;
    const started = performance.now();
    const [native, openAi] = await Promise.all([
      server.post("/embed", { inputs: "a" }),
      server.post("/v1/embeddings", { input: "a" }),
    ]);
    // Not the default, which is 60 seconds.
    expect(performance.now() - started).toBeLessThan(15_000);
    expect([native.status, openAi.status]).toEqual([503, 503]);
    expect(native.headers.get("retry-after")).toBe("1");
    const message = "stage 1 is unavailable: it was not back in time; the request's deadline of 2 s has passed";
    expect(await native.json()).toEqual({ error: message, error_type: "Unhealthy" });
    const { error } = (await openAi.json()) as { error: Record<string, unknown> };
    expect(error).toEqual({ message, type: "server_error", param: null, code: "stage_unavailable" });
    expect(await (await server.get("/health")).json()).toMatchObject({ error: "unhealthy: stage 1 is missing" });

    await using next = startWorker(server.join);
    await untilServing(server);
    await expectRightAnswer(server);
    expect(next.process.exitCode).toBeNull();
  });

  test("SIGTERM lets it finish and leave; the gateway waits for the next one", async () => {
    await using server = await launchOpenServer();
    const worker = startWorker(server.join);
    await untilServing(server);
    worker.process.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
    expect(worker.log()).toContain("worker stopped");
    const waiting = expectRightAnswer(server);
    await using next = startWorker(server.join);
    await waiting;
    expect(next.process.exitCode).toBeNull();
  });
});

describe("a control connection that is cut without a word", () => {
  test("requests end with 503 and the stage's number while it lasts, and are answered once it is mended", async () => {
    await using server = await launchOpenServer(["--request-timeout", "4"]);
    await using relay = await TcpRelay.start({ host: "127.0.0.1", port: server.workerPort });
    await using worker = startWorker(["--join", `ws://127.0.0.1:${relay.port}`, "--token", TOKEN]);
    await untilServing(server);
    await expectRightAnswer(server);
    relay.stall();
    await eventually(() => expect(server.log()).toContain("no heartbeat for"), PATIENT);
    const started = performance.now();
    const refused = await server.post("/embed", { inputs: "a" });
    expect(refused.status).toBe(503);
    expect(((await refused.json()) as { error: string }).error).toMatch(
      /^stage 1 is unavailable: it was not back in time/,
    );
    expect(performance.now() - started).toBeLessThan(15_000);
    const waiting = expectRightAnswer(server);
    relay.heal();
    await waiting;
    expect(worker.log()).toContain("gateway lost");
    await untilServing(server);
  });
});

describe("strangers on the worker port", () => {
  let server: TestServer;
  let workerPort: number;
  beforeAll(async () => {
    workerPort = await freePort();
    server = await startServer({
      flags: ["--stages", "2", "--join-token", TOKEN, "--worker-port", String(workerPort)],
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  // Whatever strangers do, the workers stay and the server answers.
  afterEach(async () => {
    await expectRightAnswer(server);
    if (server.log().includes("worker lost")) throw new Error(`a worker was lost:\n${server.log()}`);
  });

  const blank = { run: 0, epoch: 1, step: 0, microBatch: 0, attempt: 0, tensors: [] } as const;
  const helloFrame = (meta: object) => encodeFrame({ ...blank, kind: "hello", meta: { ...meta } }, crc32);
  const patched = (change: (view: DataView) => void) => {
    const bytes = helloFrame({ replica: 0, stage: 0, role: "receiver", credits: 2 });
    change(new DataView(bytes.buffer));
    return bytes;
  };
  const hello = {
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    workerId: "",
    seat: null,
    host: "test",
    pid: 1,
    dataUrl: "ws://127.0.0.1:1/data",
  };

  /** Say something to a path with the right token; resolves with the code and reason with which the server closes. */
  async function say(path: string, message: string | Uint8Array): Promise<{ code: number; reason: string }> {
    const socket = new WebSocket(`ws://127.0.0.1:${workerPort}${path}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const closed = new Promise<{ code: number; reason: string }>((resolve) =>
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.send(message);
    return closed;
  }

  type Violation = readonly [name: string, path: string, message: string | Uint8Array, reason: RegExp];
  const anotherVersion = new RegExp(`version ${PROTOCOL_VERSION}, got 99`);
  const violations: readonly Violation[] = [
    ["random bytes", "/data", randomBytes(500), /begin with SGC1/],
    ["fewer bytes than a header", "/data", randomBytes(10), /at least 64 bytes/],
    ["text", "/data", "hello", /expected binary frames, got text/],
    ["another protocol version", "/data", patched((view) => view.setUint16(4, 99, true)), anotherVersion],
    [
      "a frame that claims 2^60 bytes",
      "/data",
      patched((view) => view.setBigUint64(40, 2n ** 60n, true)),
      /claims 1152921504606846976 bytes/,
    ],
    ["a damaged frame", "/data", patched((view) => view.setUint32(24, 7, true)), /checksum/],
    [
      "a frame with a tensor table beyond it",
      "/data",
      patched((view) => view.setUint16(30, 65_535, true)),
      /checksum|do not fit/,
    ],
    ["a hello without a place", "/data", helloFrame({ role: "receiver" }), /must name replica, stage and role/],
    [
      "a hello for a replica that does not exist",
      "/data",
      helloFrame({ replica: 9, stage: 0, role: "receiver", credits: 1 }),
      /expected replica 0 to 0, got 9/,
    ],
    [
      "a hello out of turn",
      "/data",
      helloFrame({ replica: 0, stage: 0, role: "receiver", credits: 1 }),
      /expected a link of epoch/,
    ],
    ["bytes on the control connection", "/control", randomBytes(100), /expected text, got a binary message/],
    ["no JSON on the control connection", "/control", "hello", /a message is not JSON/],
    ["another message than hello", "/control", '{"kind":"linked","epoch":1}', /expected hello first, got linked/],
    ["a hello of another version", "/control", JSON.stringify({ ...hello, protocol: 99 }), anotherVersion],
    [
      "a hello with a place that is no number",
      "/control",
      JSON.stringify({ ...hello, seat: { replica: "a", stage: 0 } }),
      /control: /,
    ],
  ];
  const named = violations.map(([name, path, message, reason]) => ({ name, path, message, reason }));
  test.each(named)(
    "$name: the connection is closed with the reason, which is in the log",
    async ({ path, message, reason }) => {
      const before = server.log().length;
      const close = await say(path, message);
      expect([4400, 4409]).toContain(close.code);
      expect(close.reason).not.toBe("");
      await eventually(() => expect(server.log().slice(before)).toMatch(reason), PATIENT);
      expect(server.log().slice(before)).toContain("refused");
    },
  );

  test("a message larger than any can be is not read", async () => {
    const close = await say("/control", "a".repeat(1_100_000));
    expect(close.code).toBe(1009);
  });

  test.each([
    ["random bytes", () => randomBytes(1000)],
    ["TLS", () => Buffer.from("16030100c8010000c403035f", "hex")],
    ["plain HTTP", () => Buffer.from("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")],
    ["an upgrade without a token", () => upgrade("/data", "")],
    ["an upgrade with a wrong token", () => upgrade("/control", "Authorization: Bearer wrong\r\n")],
    ["an upgrade to another path", () => upgrade("/other", `Authorization: Bearer ${TOKEN}\r\n`)],
    ["an upgrade to a path that is none", () => upgrade("//[", `Authorization: Bearer ${TOKEN}\r\n`)],
  ])("%s on a bare connection: it is closed", async (_, bytes) => {
    using connection = await RawConnection.open(`http://127.0.0.1:${workerPort}`);
    connection.write(bytes());
    await connection.closed;
    expect(connection.received()).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
  });

  test("200 connections that say nothing, and 20 links that never say hello", async () => {
    const silent = await Promise.all(
      Array.from({ length: 200 }, () => RawConnection.open(`http://127.0.0.1:${workerPort}`)),
    );
    const links = Array.from(
      { length: 20 },
      () => new WebSocket(`ws://127.0.0.1:${workerPort}/data`, { headers: { authorization: `Bearer ${TOKEN}` } }),
    );
    await Promise.all(links.map((link) => new Promise((resolve) => link.once("open", resolve))));
    await expectRightAnswer(server);
    expect(silent.every(({ isOpen }) => isOpen)).toBe(true);
    for (const each of silent) each.destroy();
    for (const each of links) each.terminate();
  });
});

function upgrade(path: string, authorization: string): Buffer {
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}${authorization}\r\n`,
  );
}
