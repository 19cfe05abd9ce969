/** @file The engine thread of training: owns one engine and one training stage, and does one call after another. */
import type { HostTensor } from "@stagecoach/engine";
import { serveEngineThread } from "@stagecoach/engine/node";
import type { FrameTensor, StageTrainingBatch } from "@stagecoach/parallel";
import { addGradients, agreeOnShared } from "@stagecoach/training";
import {
  loadTrainingStage,
  restoreStage,
  saveStage,
  type LoadedTrainingStage,
  type TrainingStageRequest,
} from "@stagecoach/training/node";

export type ForwardCall = {
  readonly microBatch: number;
  readonly numMicroBatches: number;
  readonly batch: StageTrainingBatch;
  readonly scales: Readonly<Record<string, number>>;
};
export type BackwardCall = { readonly microBatch: number; readonly gradient: Float32Array | null };
export type EvaluateCall = Omit<ForwardCall, "microBatch" | "numMicroBatches">;
export type ApplyCall = { readonly step: number; readonly learningRate: number; readonly gradientScale: number };
export type SharedGradient = Omit<FrameTensor, "name">;

let loaded: LoadedTrainingStage | null = null;

function current(): LoadedTrainingStage {
  if (loaded === null) throw new Error("internal: a training stage was used before it was loaded");
  return loaded;
}

async function unload(): Promise<void> {
  await loaded?.close();
  loaded = null;
}

/** Of the weight that the first and the last stage share, the name that it has here. */
function sharedNames(): { readonly owner: string | null; readonly copy: string | null } {
  const { stage, shared } = current();
  const held = (name: string | undefined) => (name !== undefined && stage.trained.includes(name) ? name : null);
  return { owner: held(shared?.owner), copy: held(shared?.copy) };
}

const frameTensors = (tensors: Readonly<Record<string, HostTensor>>) => {
  const result = Object.entries(tensors).map(([name, { shape, data }]): FrameTensor =>
    data instanceof Int32Array
      ? { name, dtype: "int32", shape, data }
      : { name, dtype: "float32", shape, data: data as Float32Array },
  );
  return { result, arrays: result.map(({ data }) => data) };
};

serveEngineThread(
  {
    async load(request: TrainingStageRequest) {
      await unload();
      loaded = await loadTrainingStage(request);
      return { result: { engine: loaded.engine } };
    },
    async forward({ batch, ...options }: ForwardCall) {
      return frameTensors(await current().stage.forward(batch, options));
    },
    async backward({ microBatch, gradient }: BackwardCall) {
      const result = await current().stage.backward(microBatch, gradient);
      return { result, arrays: result === null ? [] : [result] };
    },
    async evaluate({ batch, scales }: EvaluateCall) {
      return frameTensors(await current().stage.evaluate(batch, scales));
    },
    /** With both ends of a shared weight in this stage they agree here, and there is nothing to exchange. */
    async sharedGradient() {
      const { stage } = current();
      const { owner, copy } = sharedNames();
      if (owner !== null && copy !== null) {
        await agreeOnShared({ first: stage, last: stage }, { owner, copy });
        return { result: null };
      }
      const own = owner ?? copy;
      if (own === null) return { result: null };
      const { shape, data } = await stage.readGradient(own);
      const result: SharedGradient = { dtype: "float32", shape, data: data as Float32Array };
      return { result, arrays: [result.data] };
    },
    /** The owner's gradient comes first in the sum, on both stages. */
    async addSharedGradient({ shape, data }: SharedGradient) {
      const { stage } = current();
      const { owner, copy } = sharedNames();
      const other: HostTensor = { dtype: "float32", shape, data };
      if (owner !== null) stage.replaceGradient(owner, addGradients(await stage.readGradient(owner), other));
      else if (copy !== null) stage.replaceGradient(copy, addGradients(other, await stage.readGradient(copy)));
      return { result: null };
    },
    /** A weight that two stages hold counts once, with its owner. */
    async squares() {
      const { stage, shared } = current();
      const squares = { ...(await stage.squares()) };
      if (shared !== null) delete squares[shared.copy];
      return { result: squares };
    },
    async apply(update: ApplyCall) {
      await current().stage.apply(update);
      return { result: null };
    },
    async discard() {
      current().stage.discard();
      return { result: null };
    },
    async save(path: { readonly folder: string; readonly name: string }) {
      await saveStage(current(), path);
      return { result: null };
    },
    async restore({ folder, files }: { readonly folder: string; readonly files: readonly string[] }) {
      await restoreStage(current(), folder, files);
      return { result: null };
    },
  },
  unload,
);
