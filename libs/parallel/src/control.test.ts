import { describe, expect, test } from "vitest";
import { readGatewayMessage, readWorkerMessage, type GatewayMessage, type WorkerMessage } from "./control.ts";
import { ProtocolError } from "./errors.ts";
import { PROTOCOL_VERSION } from "./frame.ts";

const counters = {
  microBatches: 3,
  tokens: 1000,
  busySeconds: 1.5,
  waitingSeconds: 0,
  sendingSeconds: 0.25,
  bytesSent: 10,
  bytesReceived: 2 ** 40,
  residentBytes: 1,
};
const runCost = { fixed: 1e-4, token: 0, padded: 0, attention: 3e-8 };

/** One of each kind; a kind that is left out does not compile. */
const fromWorker: { readonly [K in WorkerMessage["kind"]]: Extract<WorkerMessage, { kind: K }> } = {
  hello: {
    kind: "hello",
    protocol: PROTOCOL_VERSION,
    workerId: "",
    seat: { replica: 0, stage: 1 },
    host: "machine",
    pid: 17,
    dataUrl: "ws://127.0.0.1:7000/data",
  },
  ready: { kind: "ready", epoch: 1, engine: "reference", loadSeconds: 0.5, parameterBytes: 12, runCost },
  linked: { kind: "linked", epoch: 1 },
  heartbeat: { kind: "heartbeat", runningMs: 12.5, counters },
  microBatchFailed: { kind: "microBatchFailed", epoch: 1, microBatch: 2, code: "engine_failure", message: "no" },
  linkLost: { kind: "linkLost", epoch: 1, reason: "closed" },
  refused: { kind: "refused", epoch: 1, code: "model_mismatch", message: "another model" },
  modelReady: { kind: "modelReady", epoch: 1, number: 3 },
  modelRefused: { kind: "modelRefused", epoch: 1, number: 3, code: "engine_failure", message: "no" },
  accumulated: {
    kind: "accumulated",
    epoch: 1,
    step: 7,
    squares: { "pooler.dense.bias": "0.25", "pooler.dense.weight": "NaN" },
    heardAt: 1.7e12,
    intervals: [{ kind: "backward", microBatch: 0, startMs: 1.5, endMs: 2 }],
  },
  applied: { kind: "applied", epoch: 1, step: 7, startMs: 2.5, endMs: 3 },
  saved: { kind: "saved", epoch: 1, file: "stage-0.safetensors" },
  restored: { kind: "restored", epoch: 1 },
  trainingFailed: { kind: "trainingFailed", epoch: 1, code: "engine_failure", message: "no" },
};

const fromGateway: { readonly [K in GatewayMessage["kind"]]: Extract<GatewayMessage, { kind: K }> } = {
  welcome: { kind: "welcome", leaseId: "abc", heartbeatMs: 1000, leaseMs: 3000 },
  assign: {
    kind: "assign",
    replica: 0,
    stage: 1,
    epoch: 4,
    numStages: 2,
    layers: { start: 3, end: 6 },
    model: { reference: "some/model", revision: null, fingerprint: "00ff" },
    engine: "reference",
    threads: 1,
    credits: 2,
    maxFrameBytes: 1 << 20,
  },
  connect: { kind: "connect", epoch: 4, inputUrl: null, outputUrl: "ws://127.0.0.1:7001/data" },
  heartbeat: { kind: "heartbeat" },
  stop: { kind: "stop" },
  loadModel: {
    kind: "loadModel",
    epoch: 4,
    number: 3,
    model: { reference: "/data/models/a", revision: null, fingerprint: "00ff" },
    layers: { start: 3, end: 6 },
  },
  unloadModel: { kind: "unloadModel", epoch: 4, number: 3 },
  step: { kind: "step", epoch: 4, step: 7, numMicroBatches: 8, schedule: "1f1b", scales: { labels: 0.0625 } },
  apply: { kind: "apply", epoch: 4, step: 7, update: 7, learningRate: 5e-5, gradientScale: 0.5 },
  save: { kind: "save", epoch: 4, folder: "/data/step-7.part", file: "stage-1.safetensors" },
  restore: { kind: "restore", epoch: 4, folder: "/data/step-7", files: ["stage-0.safetensors"] },
};

const worker: [string, object][] = Object.entries(fromWorker);
const gateway: [string, object][] = Object.entries(fromGateway);

/** What a reader says of a message. */
function refusal(read: (text: string) => unknown, message: unknown): string {
  try {
    read(typeof message === "string" ? message : JSON.stringify(message));
  } catch (error) {
    return error instanceof ProtocolError ? error.message : `not a ProtocolError: ${String(error)}`;
  }
  return "accepted";
}

describe("readWorkerMessage()", () => {
  test.each(worker)("reads %s as it was sent", (_, message) => {
    expect(readWorkerMessage(JSON.stringify(message))).toEqual(message);
  });

  test("reads a hello of a worker that was not started for a place", () => {
    const message = { ...fromWorker.hello, seat: null };
    expect(readWorkerMessage(JSON.stringify(message))).toEqual(message);
  });

  test("refuses another protocol version and says what to do, whatever else that version has changed", () => {
    const newer = { ...fromWorker.hello, protocol: PROTOCOL_VERSION + 1 };
    for (const message of [newer, { ...newer, features: ["x"] }, { kind: "hello", protocol: 99 }]) {
      expect(refusal(readWorkerMessage, message)).toMatch(
        /expected protocol version 2, got \d+ \(run the same release/,
      );
    }
  });

  test.each([
    ["a dataUrl that is too long", { ...fromWorker.hello, dataUrl: "x".repeat(1025) }, "dataUrl"],
    ["a process number below 0", { ...fromWorker.hello, pid: -1 }, "pid"],
    ["half an epoch", { ...fromWorker.linked, epoch: 0.5 }, "epoch"],
    ["no epoch", { kind: "linked" }, "epoch"],
    ["a number that JSON does not have", { ...fromWorker.ready, loadSeconds: Number.NaN }, "loadSeconds"],
    ["a counter in words", { ...fromWorker.heartbeat, counters: { ...counters, tokens: "many" } }, "tokens"],
    ["an unknown counter", { ...fromWorker.heartbeat, counters: { ...counters, cats: 1 } }, "cats"],
  ])("refuses %s and names it", (_, message, field) => {
    expect(refusal(readWorkerMessage, message)).toContain(field);
    expect(refusal(readWorkerMessage, message)).toMatch(/^control: /);
  });
});

describe("readGatewayMessage()", () => {
  test.each(gateway)("reads %s as it was sent", (_, message) => {
    expect(readGatewayMessage(JSON.stringify(message))).toEqual(message);
  });

  test.each([
    ["a stage below 0", { ...fromGateway.assign, stage: -1 }, "stage"],
    ["layers without an end", { ...fromGateway.assign, layers: { start: 1 } }, "end"],
    ["no fingerprint", { ...fromGateway.assign, model: { reference: "x", revision: null } }, "fingerprint"],
    ["an output that goes nowhere", { ...fromGateway.connect, outputUrl: null }, "outputUrl"],
  ])("refuses %s and names it", (_, message, field) => {
    expect(refusal(readGatewayMessage, message)).toContain(field);
  });
});

describe.each([
  ["readWorkerMessage()", readWorkerMessage, worker],
  ["readGatewayMessage()", readGatewayMessage, gateway],
] as const)("%s refuses", (_, read, messages) => {
  test.each(messages)("a key in %s that nobody knows", (_kind, message) => {
    expect(refusal(read, { ...message, surprise: 1 })).toContain("surprise");
  });

  test("what the other side says", () => {
    const others = messages === worker ? gateway : worker;
    const misread = others.filter(([, message]) => refusal(read, message) === "accepted").map(([kind]) => kind);
    expect(misread).toEqual([]);
  });

  test.each([
    ["an unknown kind", { kind: "dance" }],
    ["no kind", {}],
    ["a list", []],
    ["null", null],
    ["text that is not JSON", "{"],
    ["nothing", ""],
  ])("%s", (_what, message) => {
    expect(refusal(read, message)).toMatch(/^control: /);
  });

  test("bytes", () => {
    expect(() => read(new Uint8Array(3))).toThrow("expected text, got a binary message");
  });
});
