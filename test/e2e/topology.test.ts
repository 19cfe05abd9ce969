/** @file `/topology`, `/timeline` and a job's timeline: what they say holds together, and with what was asked of the server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import type { jobTimelineSchema } from "../../apps/server/src/http/jobSchemas.ts";
import type { TimelineAnswer } from "../../apps/server/src/http/topologySchemas.ts";
import { eventually } from "../harness/eventually.ts";
import { golden } from "../harness/goldenSentences.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";
import { topologyOf } from "../harness/topologyOf.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";
import { createJob, openAi, reached, upload } from "../harness/trainingJobs.ts";

const MODEL = "org/tiny";
/** Clocks of two threads and of the gateway differ by no more than their step. */
const CLOCK_MS = 2;
/** Of sums of times, in milliseconds. */
const ROUNDING = 1e-6;

let folder: string;
let server: TestServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-topology-"));
  const flags = ["--stages", "2", "--served-model-name", MODEL, "--max-batch-tokens", "64"];
  server = await startServer({ dataDir: join(folder, "data"), flags });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const json = async <T>(path: string): Promise<T> => (await (await server.get(path)).json()) as T;
const topology = () => topologyOf(server);

test("a micro-batch's times lie inside of the request's, one for each stage, each of which begins after the one before", async () => {
  const before = Date.now();
  const answer = await server.post("/v1/embeddings", { input: golden.texts });
  const after = Date.now();
  const { usage } = (await answer.json()) as { usage: { total_tokens: number } };
  const { micro_batches: seen, is_complete, now } = await json<TimelineAnswer>("/timeline?seconds=60");
  expect(is_complete).toBe(true);
  expect(now).toBeGreaterThanOrEqual(after);
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.reduce((sum, { texts }) => sum + texts, 0)).toBe(golden.texts.length);
  expect(seen.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(usage.total_tokens);
  for (const { model, replica, queued_at, sent_at, received_at, stages } of seen) {
    expect([model, replica, stages.map(({ stage }) => stage)]).toEqual([MODEL, 0, [0, 1]]);
    const [first, second] = stages as [(typeof stages)[number], (typeof stages)[number]];
    const moments = [
      before,
      queued_at,
      sent_at,
      first.started_at,
      first.ended_at,
      second.started_at,
      second.ended_at,
      received_at,
      after + 1,
    ];
    for (const [index, moment] of moments.slice(1).entries())
      expect(moment - moments[index]!).toBeGreaterThanOrEqual(-CLOCK_MS);
    expect(second.started_at).toBeGreaterThan(first.started_at);
    for (const { started_at: start, ended_at: end } of stages) expect(end).toBeGreaterThan(start);
  }
  // A lane has one micro-batch at a time.
  const ofFirst = seen.map(({ stages }) => stages[0]!).toSorted((a, b) => a.started_at - b.started_at);
  for (const [index, { started_at: start }] of ofFirst.slice(1).entries())
    expect(start).toBeGreaterThanOrEqual(ofFirst[index]!.ended_at - CLOCK_MS);
});

test("the topology has each stage with its worker, its layers, and shares that add up to 1", async () => {
  const pids = server.workerPids();
  const { gateway, replicas, models, queue, requests } = await eventually(async () => {
    const seen = await topology();
    expect(seen.replicas[0]!.stages.map(({ work }) => work === null)).toEqual([false, false]);
    return seen;
  });
  expect(gateway).toMatchObject({ phase: "ready", problem: null, pid: server.process.pid });
  const [{ state, stages, links }] = replicas as [(typeof replicas)[number]];
  expect([replicas.length, state]).toEqual([1, "up"]);
  expect(stages.map(({ stage, state: now, restarts }) => [stage, now, restarts])).toEqual([
    [0, "up", 0],
    [1, "up", 0],
  ]);
  expect(stages.map(({ worker }) => worker!.pid)).toEqual(
    [0, 1].map((each) => pids.find(({ stage }) => stage === each)!.pid),
  );
  // Each layer has one stage.
  expect(stages[0]!.layers.start).toBe(0);
  expect(stages[1]!.layers.start).toBe(stages[0]!.layers.end);
  for (const { work, parameter_bytes, engine } of stages) {
    const shares = [work!.busy, work!.sending, work!.waiting];
    for (const share of shares) expect(share >= 0 && share <= 1).toBe(true);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    expect(parameter_bytes).toBeGreaterThan(0);
    expect(engine).toContain("ONNX Runtime");
  }
  expect(links.map(({ from, to }) => [from, to])).toEqual([
    [null, 0],
    [0, 1],
    [1, null],
  ]);
  const bytes = stages.reduce((sum, each) => sum + each.parameter_bytes!, 0);
  expect(models).toEqual([{ name: MODEL, is_own: true, is_loaded: true, parameter_bytes: bytes }]);
  expect([queue.texts, requests.in_progress]).toEqual([0, 0]);
});

test("a lost worker is told of, with the reason, and so is the one that took its place", async () => {
  const { replicas } = await topology();
  const { pid } = replicas[0]!.stages[1]!.worker!;
  process.kill(pid, "SIGKILL");
  const lost = await eventually(async () => {
    const seen = (await topology()).replicas[0]!;
    expect(seen.stages[1]!.last_loss).not.toBeNull();
    return seen;
  });
  expect(lost.stages[1]!.last_loss!.reason).toContain("closed");
  expect(Math.abs(lost.stages[1]!.last_loss!.at - Date.now())).toBeLessThan(10_000);
  await eventually(async () => {
    const [{ state, stages }] = (await topology()).replicas as [(typeof replicas)[number]];
    expect([state, ...stages.map((each) => each.state)]).toEqual(["up", "up", "up"]);
    expect(stages.map(({ restarts }) => restarts)).toEqual([0, 1]);
    expect(stages[1]!.worker!.pid).not.toBe(pid);
  });
});

describe("a job's timeline", () => {
  test("has every pass of the last step, in an order that the links allow, and the schedule's ideal beside it", async () => {
    writeToyTexts(join(folder, "train.jsonl"), 32, 1);
    const client = openAi(server);
    const file = await upload(client, join(folder, "train.jsonl"));
    const id = await createJob(client, { model: MODEL, file }, { hyperparameters: { max_steps: 3, batch_size: 8 } });
    await reached(client, id, "succeeded");
    const { last_step } = await json<z.output<typeof jobTimelineSchema>>(`/v1/fine_tuning/jobs/${id}/timeline`);
    const { step, num_micro_batches, schedule, measured, ideal } = last_step!;
    expect([step, num_micro_batches, schedule]).toEqual([3, 4, "1f1b"]);
    const numbers = [0, 1, 2, 3];
    for (const { stages, bubble_share, passes_ms } of [measured, ideal]) {
      expect(stages).toHaveLength(2);
      for (const intervals of stages) {
        const of = (kind: string) => intervals.filter((each) => each.kind === kind).map((each) => each.micro_batch);
        expect([of("forward"), of("backward"), of("update")]).toEqual([numbers, numbers, [null]]);
        for (const { start_ms: start, end_ms: end } of intervals) expect(end).toBeGreaterThan(start);
      }
      expect(bubble_share).toBeGreaterThan(0);
      expect(bubble_share).toBeLessThan(1);
      expect(passes_ms).toBeGreaterThan(0);
    }
    // What a stage begins with has come from its neighbour.
    const at = (stage: number, kind: string, microBatch: number) =>
      measured.stages[stage]!.find((each) => each.kind === kind && each.micro_batch === microBatch)!;
    for (const microBatch of numbers) {
      expect(at(1, "forward", microBatch).start_ms).toBeGreaterThan(at(0, "forward", microBatch).end_ms - ROUNDING);
      expect(at(0, "backward", microBatch).start_ms).toBeGreaterThan(at(1, "backward", microBatch).end_ms - ROUNDING);
    }
    // The ideal has the same work in another order of time: each stage's passes take as long together.
    const lengthOf = (stages: typeof ideal.stages, stage: number, kind: string) =>
      stages[stage]!.filter((each) => each.kind === kind).reduce(
        (sum, { start_ms: start, end_ms: end }) => sum + end - start,
        0,
      );
    for (const stage of [0, 1]) {
      for (const kind of ["forward", "backward", "update"])
        expect(lengthOf(ideal.stages, stage, kind)).toBeCloseTo(lengthOf(measured.stages, stage, kind), 6);
    }
    const startOf = (stage: number, kind: string, microBatch: number) =>
      ideal.stages[stage]!.find((each) => each.kind === kind && each.micro_batch === microBatch)!.start_ms;
    for (const number of numbers) {
      expect(startOf(1, "forward", number)).toBeGreaterThan(startOf(0, "forward", number));
      expect(startOf(0, "backward", number)).toBeGreaterThan(startOf(1, "backward", number));
    }
  });
});
