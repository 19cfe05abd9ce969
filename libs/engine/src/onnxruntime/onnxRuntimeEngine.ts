/**
 * @file Engine on ONNX Runtime: a graph becomes an ONNX model and runs as one session.
 *
 * - ONNX Runtime's own graph optimizations are off: what is fused is decided in libs/graph, so that a model cut into stages
 *   does the same arithmetic as one that is whole.
 * - Parameters that lie in one folder as float32 are mapped from the checkpoint itself (external data): nothing is copied
 *   or converted, and a stage touches only the bytes of its own layers. Others are handed over in memory.
 * - A shared program is what ONNX Runtime saves after it has brought the weights into the order of its kernels. Sessions map it
 *   and have nothing of their own but activations: packing in memory would cost each of them the linear layers once more.
 * - Tables that rows are added up into (gradients of embeddings) are left out of a session: tableSums.ts.
 * - Arithmetic without a product (an optimizer's update) has no session: it is a loop over memory (loops/loopGraph.ts).
 * - `run` blocks its thread for as long as it computes (microsoft/onnxruntime#19611). Terminating that thread, or exiting
 *   the process, during a run aborts the process: drain first.
 */
import {
  nameOf,
  optimize,
  resolveShape,
  sizeOfShape,
  type FusedOperationName,
  type Graph,
  type Shape,
} from "@stagecoach/graph";
import {
  isHostTensor,
  type Engine,
  type EngineTensor,
  type Executable,
  type FileRange,
  type HostTensor,
  type ParameterSource,
  type RunInputs,
  type TensorData,
} from "../engine.ts";
import { EngineFailureError, ParameterError } from "../errors.ts";
import { checkInputs, wantedOutputs } from "../hostTensor.ts";
import { checkInto } from "../inPlace.ts";
import { emitOnnx } from "../onnx/emitOnnx.ts";
import { bytesOf } from "../onnx/modelBuilder.ts";
import { loopExecutable, type HeldTensors } from "../loops/loopExecutable.ts";
import { loopsOf } from "../loops/loopGraph.ts";
import { LocalLoops, type LoopRunner } from "../loops/loopRunner.ts";
import { encodeOnnxModel, type OnnxInitializer } from "../onnx/onnxModel.ts";
import { evaluateConstant } from "../reference/referenceEngine.ts";
import { BufferPool } from "../bufferPool.ts";
import { BesideSessions, type ProgramFiles } from "./besideSessions.ts";
import type { OrtModule, OrtSession, OrtSessionOptions, OrtTensor } from "./ort.ts";
import { LEADING_SEQUENCE, runInPlace } from "./runInPlace.ts";
import { PROGRAM_FILE } from "./sharedProgram.ts";
import { addRows, separateTableSums, type TableSum } from "./tableSums.ts";

export const onnxRuntimeFusedOperations: ReadonlySet<FusedOperationName> = new Set<FusedOperationName>([
  "packedAttention",
  "packedBiasedAttention",
  "unpackHeads",
  "packHeads",
  "skipLayerNormalization",
  "layerNormalization",
  "standardization",
  "inverseDeviation",
  "maskedSoftmax",
  "biasGelu",
  "gelu",
  "geluTanh",
  "linear",
  "scaledProduct",
]);

export type OnnxRuntimeOptions = {
  readonly version: string;
  /** Threads of one run, the calling thread among them. */
  readonly threads: number;
  /** Threads of a run spin while they wait for work: fast when the engine has its cores to itself, harmful when it shares them. */
  readonly spinning: boolean;
  /** Who runs loops; the engine closes it. This thread alone when left out. */
  readonly loops?: LoopRunner;
  /** For graphs beside a shared program; without them there are none. */
  readonly files?: ProgramFiles;
};

export function createOnnxRuntimeEngine(ort: OrtModule, options: OnnxRuntimeOptions): Engine {
  const pool = new BufferPool();
  const { loops: runner = new LocalLoops() } = options;
  const hold = (tensor: HostTensor) => heldTensor(toOrt(ort, tensor), tensor);
  const held: HeldTensors = { hold, valuesOf: (handle) => heldOrt(handle).data as Float32Array };
  const optimized = (graph: Graph) =>
    optimize(graph, { fusedOperations: onnxRuntimeFusedOperations, evaluate: evaluateConstant });
  function compilerBeside(files: ProgramFiles): NonNullable<Engine["compileBeside"]> {
    const beside = new BesideSessions(files, (file) =>
      compiling(() => ort.InferenceSession.create(file, sessionOptions(options))),
    );
    return async (graph, parameters, program) => {
      const fused = optimized(graph);
      const { session, own, release } = await beside.open(fused, parameters, program);
      const fixed = Object.fromEntries(Object.entries(own).map(([name, tensor]) => [name, toOrt(ort, tensor)]));
      const compiled = executable({ ort, pool }, fused, { session, computed: fused, tableSums: new Map(), fixed });
      return { ...compiled, dispose: release };
    };
  }
  return {
    name: "onnxruntime",
    description: `ONNX Runtime ${options.version}, CPU, ${options.threads} ${options.threads === 1 ? "thread" : "threads"}`,
    fusedOperations: onnxRuntimeFusedOperations,
    async compile(graph, parameters, { isOccasional = false } = {}) {
      const fused = optimized(graph);
      const loops = loopsOf(fused);
      if (loops !== null) return loopExecutable(fused, loops, { engine: "onnxruntime", runner, held });
      const { graph: computed, tableSums } = separateTableSums(fused);
      const session = await createSession(ort, computed, { options, parameters, isOccasional });
      return executable({ ort, pool }, fused, { session, computed, tableSums });
    },
    async compileShared(graph, parameters, program) {
      const fused = optimized(graph);
      const file = `${program.folder}/${PROGRAM_FILE}`;
      if (!program.isWritten) {
        const session = await createSession(ort, fused, { options, parameters, saveTo: file });
        await session.release();
      }
      const session = await compiling(() => ort.InferenceSession.create(file, sessionOptions(options)));
      return executable({ ort, pool }, fused, { session, computed: fused, tableSums: new Map() });
    },
    ...(options.files === undefined ? {} : { compileBeside: compilerBeside(options.files) }),
    hold: (tensor) => hold({ ...tensor, data: copied(tensor, runner) }),
    async dispose() {
      pool.clear();
      await runner.close();
    },
  };
}

type SessionPlan = {
  readonly options: OnnxRuntimeOptions;
  readonly parameters: ParameterSource;
  /** Write what the session runs, packed weights included, to this file and one beside it. */
  readonly saveTo?: string;
  /** Leave the weights where they are mapped. */
  readonly isOccasional?: boolean;
};

async function createSession(
  ort: OrtModule,
  graph: Graph,
  { options, parameters, saveTo, isOccasional = false }: SessionPlan,
): Promise<OrtSession> {
  const names = graph.parameters.map(nameOf);
  const { folder, values, inMemory } = await placeParameters(graph, names, parameters);
  const model = emitOnnx(graph, {
    graphName: "stagecoach",
    parameterValues: (name) => values.get(name)!,
    leadingSequence: LEADING_SEQUENCE,
  });
  const session = {
    ...(folder === null ? {} : { model_external_initializers_file_folder_path: folder }),
    ...(saveTo === undefined ? {} : savedProgram),
    ...(isOccasional ? { disable_prepacking: "1" } : {}),
  };
  return compiling(() =>
    ort.InferenceSession.create(encodeOnnxModel(model), {
      ...sessionOptions(options, session),
      externalData: inMemory,
      ...(saveTo === undefined ? {} : { optimizedModelFilePath: saveTo }),
    }),
  );
}

/** @see onnxruntime_session_options_config_keys.h */
const savedProgram = {
  save_external_prepacked_constant_initializers: "1",
  optimized_model_external_initializers_file_name: `${PROGRAM_FILE}.data`,
  optimized_model_external_initializers_min_size_in_bytes: "1024",
};

function sessionOptions(
  { threads, spinning }: OnnxRuntimeOptions,
  session: Readonly<Record<string, unknown>> = {},
): OrtSessionOptions {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Memory patterns are kept for every shape ever seen; packed batches hardly ever repeat a shape.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: spinning ? "1" : "0" }, ...session } },
  };
}

async function compiling(create: () => Promise<OrtSession>): Promise<OrtSession> {
  try {
    return await create();
  } catch (error) {
    throw new EngineFailureError("onnxruntime", "compile", error);
  }
}

type Placement = {
  /** The folder from which ONNX Runtime maps parameters, or null. */
  readonly folder: string | null;
  readonly values: ReadonlyMap<string, OnnxInitializer["values"]>;
  readonly inMemory: readonly { readonly path: string; readonly data: Uint8Array }[];
};

async function placeParameters(
  graph: Graph,
  names: readonly string[],
  parameters: ParameterSource,
): Promise<Placement> {
  const located = new Map(names.map((name) => [name, parameters.locate(name)]));
  const folder = commonFolder([...located.values()]);
  const values = new Map<string, OnnxInitializer["values"]>();
  const inMemory: { path: string; data: Uint8Array }[] = [];
  for (const node of graph.parameters) {
    const name = nameOf(node);
    const range = located.get(name);
    if (range !== undefined && folder !== null && range.file.startsWith(folder)) {
      values.set(name, { location: range.file.slice(folder.length), offset: range.offset, length: range.length });
      continue;
    }
    const { shape, data } = await parameters.read(name);
    if (shape.join() !== resolveShape(node.shape, new Map()).join()) throw new ParameterError(name, node.shape, shape);
    if (folder !== null) {
      // ONNX Runtime takes weights either from a folder or from memory: what a mapped checkpoint lacks is a part of the model.
      values.set(name, { bytes: bytesOf(data) });
      continue;
    }
    const path = `memory/${inMemory.length}`;
    inMemory.push({ path, data: bytesOf(data) });
    values.set(name, { location: path, offset: 0, length: data.byteLength });
  }
  return { folder, values, inMemory };
}

/** The folder of the first file, with its closing slash: ONNX Runtime maps external data from one folder only. */
function commonFolder(ranges: readonly (FileRange | undefined)[]): string | null {
  const first = ranges.find((range) => range !== undefined);
  return first === undefined
    ? null
    : first.file.slice(0, Math.max(first.file.lastIndexOf("/"), first.file.lastIndexOf("\\")) + 1);
}

const storage = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

type Context = { readonly ort: OrtModule; readonly pool: BufferPool };

/** A session, what it computes of a graph, and what is left to do after it. */
type Program = {
  readonly session: OrtSession;
  readonly computed: Graph;
  readonly tableSums: ReadonlyMap<string, TableSum>;
  /** Parameters that are inputs of the session. */
  readonly fixed?: Readonly<Record<string, OrtTensor>>;
};

function executable(
  { ort, pool }: Context,
  graph: Graph,
  { session, computed, tableSums, fixed = {} }: Program,
): Executable {
  const fed = new Set(computed.inputs.map(nameOf));
  const rowShapes = new Map([...tableSums.values()].map(({ rows }) => [rows, computed.outputs.get(rows)!.shape]));
  return {
    async run(given: RunInputs, options = {}) {
      const bindings = checkInputs(graph, given);
      const { into = {} } = options;
      checkInto(graph, given, { into, bindings });
      const names = wantedOutputs(graph, options.outputs);
      const wanted = names.filter((name) => !Object.hasOwn(into, name));
      const sums = [...tableSums].filter(([name]) => names.includes(name) || Object.hasOwn(into, name));
      const tensors = Object.fromEntries(
        Object.entries(given).map(([name, tensor]) => [
          name,
          isHostTensor(tensor) ? toOrt(ort, tensor) : heldOrt(tensor),
        ]),
      );
      const feeds = { ...fixed, ...Object.fromEntries(Object.entries(tensors).filter(([name]) => fed.has(name))) };
      const isKept = (name: string) => options.keep?.includes(name) === true;
      if (!wanted.some(isKept) && Object.keys(into).length === 0 && sums.length === 0) {
        const results = await guarded(() => session.run(feeds, Object.fromEntries(wanted.map((name) => [name, null]))));
        return Object.fromEntries(
          wanted.map((name) => {
            const { dims, data } = results[name];
            return [name, { dtype: graph.outputs.get(name)!.dtype, shape: dims, data }];
          }),
        );
      }
      const pooled = (shape: Shape) => {
        const dims = resolveShape(shape, bindings);
        return new ort.Tensor("float32", pool.take(sizeOfShape(dims)), dims);
      };
      /** Kept outputs take memory that was used before; those for the host get new memory, which is theirs. */
      const fetches = Object.fromEntries(
        wanted.map((name) => {
          const { dtype, shape } = graph.outputs.get(name)!;
          if (isKept(name) && dtype === "float32") return [name, pooled(shape)];
          const dims = resolveShape(shape, bindings);
          return [name, new ort.Tensor(dtype, new storage[dtype](sizeOfShape(dims)), dims)];
        }),
      );
      const targets = {
        ...fetches,
        ...Object.fromEntries(Object.entries(into).map(([name, handle]) => [name, heldOrt(handle)])),
      };
      const rows = Object.fromEntries(sums.map(([, { rows: name }]) => [name, pooled(rowShapes.get(name)!)]));
      const written = Object.fromEntries(Object.entries(targets).filter(([name]) => !tableSums.has(name)));
      await guarded(async () => {
        await runInPlace(session, feeds, { ...written, ...rows });
        sums.forEach(([name, sum]) => addTable(targets[name], sum, { ...tensors, ...rows }));
      });
      Object.values(rows).forEach(({ data }) => pool.giveBack(data));
      return Object.fromEntries(
        wanted.map((name) => {
          const tensor = fetches[name];
          const { dtype } = graph.outputs.get(name)!;
          const host: HostTensor = { dtype, shape: tensor.dims, data: tensor.data };
          if (!isKept(name)) return [name, host];
          return [name, heldTensor(tensor, host, () => dtype === "float32" && pool.giveBack(tensor.data))];
        }),
      );
    },
    dispose: () => session.release(),
  };
}

/** What of a table the session has left to do. */
function addTable(target: OrtTensor, sum: TableSum, tensors: Readonly<Record<string, OrtTensor>>): void {
  const table = target.data as Float32Array;
  if (sum.base === null) table.fill(0);
  else if (tensors[sum.base].data !== table) table.set(tensors[sum.base].data);
  addRows(table, tensors[sum.index].data, tensors[sum.rows].data as Float32Array);
}

/** @throws EngineFailureError for whatever goes wrong inside of ONNX Runtime */
async function guarded<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new EngineFailureError("onnxruntime", "run", error);
  }
}

/** In memory in which loops can be divided over threads. */
function copied({ dtype, data }: HostTensor, runner: LoopRunner): TensorData {
  if (dtype !== "float32") return data.slice();
  const copy = new Float32Array(runner.allocate(data.length * Float32Array.BYTES_PER_ELEMENT));
  copy.set(data);
  return copy;
}

function toOrt(ort: OrtModule, { dtype, data, shape }: HostTensor): OrtTensor {
  return new ort.Tensor(dtype, data instanceof Float64Array ? Float32Array.from(data) : data, shape);
}

const held = new WeakMap<EngineTensor, OrtTensor>();

function heldTensor(tensor: OrtTensor, { dtype, shape }: HostTensor, release: () => void = () => {}): EngineTensor {
  const handle: EngineTensor = {
    dtype,
    shape,
    read: () => Promise.resolve({ dtype, shape, data: heldOrt(handle).data.slice() }),
    dispose() {
      if (held.delete(handle)) release();
    },
  };
  held.set(handle, tensor);
  return handle;
}

function heldOrt(handle: EngineTensor): OrtTensor {
  const tensor = held.get(handle);
  if (tensor === undefined) throw new Error("internal: a tensor was used after it was disposed of");
  return tensor;
}
