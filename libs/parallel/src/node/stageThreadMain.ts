/**
 * @file The engine thread: owns one engine and one stage, and does one request after another.
 *
 * An engine blocks its thread while it computes, and terminating a thread inside onnxruntime aborts the process: so this
 * thread ends only by itself, after `stop`, between two runs.
 */
import { parentPort } from "node:worker_threads";
import type { Stage, StageOutput } from "../stage.ts";
import { loadLocalStage, type LocalStage } from "./loadLocalStage.ts";
import type { LoadResult, ThreadReply, ThreadRequest } from "./threadMessages.ts";

if (parentPort === null) throw new Error("internal: stageThreadMain runs as a worker thread");
const port = parentPort;

let local: LocalStage | null = null;
/** Requests are done in the order in which they came. */
let queue: Promise<void> = Promise.resolve();

port.on("message", (request: ThreadRequest) => {
  queue = queue.then(() => answer(request));
});

async function answer(request: ThreadRequest): Promise<void> {
  try {
    const result = await perform(request);
    reply({ id: request.id, ok: true, result });
    if (request.kind === "stop") port.close();
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const code = error instanceof Error && "code" in error ? String(error.code) : "internal";
    reply({ id: request.id, ok: false, error: { name, code, message } });
  }
}

async function perform(request: ThreadRequest): Promise<LoadResult | StageOutput | null> {
  switch (request.kind) {
    case "load": {
      await unload();
      local = await loadLocalStage(request.load);
      return { facts: local.stage.facts, runCost: await local.stage.calibrate() };
    }
    case "run":
      return loadedStage().run(request.batch, request.output);
    case "stop":
      await unload();
      return null;
    default:
      throw new Error("internal: a request of an unknown kind");
  }
}

function loadedStage(): Stage {
  if (local === null) throw new Error("internal: a run before the stage was loaded");
  return local.stage;
}

async function unload(): Promise<void> {
  await local?.close();
  local = null;
}

function reply(message: ThreadReply): void {
  const isOutput = message.ok && message.result !== null && "data" in message.result;
  port.postMessage(message, isOutput ? [message.result.data.buffer as ArrayBuffer] : []);
}
