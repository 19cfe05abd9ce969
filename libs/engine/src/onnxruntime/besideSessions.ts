/**
 * @file Sessions of graphs beside a shared program: they map its weights, and are fed their own ones with each run.
 *
 * What a graph has of its own is an input of its ONNX model, not a part of it. So graphs that differ in the values of those alone (adapters
 * of the same layers, of one rank) are the same model, and have one session: the next one costs its weights, not even activations.
 */
import { nameOf, resolveShape, type Graph } from "@stagecoach/graph";
import type { BesideProgram, HostTensor, ParameterSource } from "../engine.ts";
import { ParameterError } from "../errors.ts";
import { emitOnnx } from "../onnx/emitOnnx.ts";
import { bytesOf } from "../onnx/modelBuilder.ts";
import { encodeOnnxModel, type OnnxInitializer } from "../onnx/onnxModel.ts";
import type { OrtSession } from "./ort.ts";
import { LEADING_SEQUENCE } from "./runInPlace.ts";
import { externalInitializers, PROGRAM_FILE } from "./sharedProgram.ts";

/** Files of this machine, as whoever loads the engine hands them in. */
export type ProgramFiles = {
  readonly read: (path: string) => Promise<Uint8Array>;
  readonly write: (path: string, bytes: Uint8Array) => Promise<void>;
  readonly remove: (path: string) => Promise<void>;
};

export type BesideSession = {
  readonly session: OrtSession;
  /** Fed with each run. */
  readonly own: Readonly<Record<string, HostTensor>>;
  /** Of this graph; the session goes with the last one. */
  readonly release: () => Promise<void>;
};

type Shared = { readonly session: Promise<OrtSession>; users: number };

export class BesideSessions {
  readonly #files: ProgramFiles;
  readonly #create: (file: string) => Promise<OrtSession>;
  readonly #open = new Map<string, Shared>();

  constructor(files: ProgramFiles, create: (file: string) => Promise<OrtSession>) {
    this.#files = files;
    this.#create = create;
  }

  /** @throws ParameterError, EngineFailureError */
  async open(graph: Graph, parameters: ParameterSource, { folder, isOwn }: BesideProgram): Promise<BesideSession> {
    const known = externalInitializers(await this.#files.read(`${folder}/${PROGRAM_FILE}`));
    const own: Record<string, HostTensor> = {};
    const values = new Map<string, OnnxInitializer["values"]>();
    for (const node of graph.parameters) {
      const name = nameOf(node);
      const external = isOwn(name) ? undefined : known.get(name);
      if (external !== undefined) {
        values.set(name, { external });
        continue;
      }
      const tensor = await parameters.read(name);
      const { shape, data } = tensor;
      if (shape.join() !== resolveShape(node.shape, new Map()).join())
        throw new ParameterError(name, node.shape, shape);
      // What is not the graph's own and not in the file was too small for it.
      if (isOwn(name)) own[name] = tensor;
      else values.set(name, { bytes: bytesOf(data) });
    }
    const model = emitOnnx(graph, {
      graphName: "stagecoach",
      parameterValues: (name) => values.get(name)!,
      isInput: isOwn,
      leadingSequence: LEADING_SEQUENCE,
    });
    const bytes = encodeOnnxModel(model);
    // A few ten kilobytes: what is of any size lies in the program's file, or is an input.
    const key = `${folder}:${new TextDecoder("latin1").decode(bytes)}`;
    const shared = this.#open.get(key) ?? this.#begin(key, { bytes, folder });
    shared.users++;
    const release = async () => {
      if (--shared.users > 0) return;
      this.#open.delete(key);
      await (await shared.session).release();
    };
    try {
      return { session: await shared.session, own, release };
    } catch (error) {
      this.#open.delete(key);
      throw error;
    }
  }

  #begin(key: string, { bytes, folder }: { readonly bytes: Uint8Array; readonly folder: string }): Shared {
    const create = async () => {
      // Weights beside a model are found from the model's own file.
      const file = `${folder}/${crypto.randomUUID()}.onnx`;
      await this.#files.write(file, bytes);
      try {
        return await this.#create(file);
      } finally {
        await this.#files.remove(file);
      }
    };
    const shared: Shared = { session: create(), users: 0 };
    this.#open.set(key, shared);
    return shared;
  }
}
