/**
 * @file The contract between a graph and what multiplies matrices.
 *
 * An engine compiles graphs into executables and runs them. The contract assumes no autograd (backward passes are graphs),
 * no fusion (an engine names the fused operations it has kernels for) and no thread: whoever owns an engine decides where
 * it runs. `run` may block its thread while it computes, so a thread that serves sockets must not own an engine.
 *
 * Implementations: reference (float64, for tests), onnxruntime, tfjs. One suite holds them to this contract:
 * test/conformance.
 */
import type { DType, FusedOperationName, Graph } from "@stagecoach/graph";

/** Row-major values. `float32` travels as Float32Array; the reference engine computes and returns Float64Array. */
export type TensorData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A tensor in JavaScript memory. */
export type HostTensor = { readonly dtype: DType; readonly shape: readonly number[]; readonly data: TensorData };

/** A tensor that stays in the engine between runs (weights under training, optimizer state), until it is disposed of. */
export interface EngineTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** A copy of the values. */
  read(): Promise<HostTensor>;
  /** Give the memory back; using the tensor afterwards is an error. */
  dispose(): void;
}

/** Where a parameter's values lie, as little-endian float32. */
export type FileRange = { readonly file: string; readonly offset: number; readonly length: number };

/** Gives an engine the parameters of a graph while it compiles; each is asked for once, by name. */
export interface ParameterSource {
  read(name: string): Promise<HostTensor>;
  /** A place from which an engine may map the values instead of asking for them; `undefined` where there is none. */
  locate(name: string): FileRange | undefined;
}

export type RunInputs = Readonly<Record<string, HostTensor | EngineTensor>>;

export type RunOptions = {
  /** The outputs wanted; all when left out. */
  readonly outputs?: readonly string[];
  /** Outputs that stay in the engine: `run` returns them as EngineTensor, which the caller disposes of. */
  readonly keep?: readonly string[];
  /**
   * Outputs that take the place of the values of held tensors of the same type and shape, which may be inputs of this run
   * (weights under training). Such an output is not part of the result. When the run fails, the values are undefined.
   * @see expectInPlace (inPlace.ts) for the graphs that this is allowed for
   */
  readonly into?: Readonly<Record<string, EngineTensor>>;
};

export type RunResult = Readonly<Record<string, HostTensor | EngineTensor>>;

export interface Executable {
  /**
   * Compute the outputs for these inputs. Runs of one executable do not overlap; the caller awaits each.
   * The engine does not keep or change the given data after the promise settles; returned data belongs to the caller.
   *
   * @throws EngineInputError, ShapeError when names, data types or shapes do not fit (an empty dimension included)
   * @throws EngineFailureError when the program behind the engine fails
   */
  run(inputs: RunInputs, options?: RunOptions): Promise<RunResult>;
  dispose(): Promise<void>;
}

/** A folder on this machine in which a compiled graph lies, for several engines to run it. */
export type SharedProgram = {
  readonly folder: string;
  /** False for the first to compile it, which writes it. The folder can be deleted once all have compiled. */
  readonly isWritten: boolean;
};

/** A program that lies in a folder, for another graph with weights of the same checkpoint. */
export type BesideProgram = {
  /** Where `compileShared` has written it, with the same parameters. */
  readonly folder: string;
  /** Parameters that the program does not have, or has with other values. */
  readonly isOwn: (name: string) => boolean;
};

export type CompileOptions = {
  /**
   * The graph is run now and then, beside another one of the same weights: they stay in the checkpoint's file, where an engine would
   * copy them for faster products. An engine that holds all weights in memory of its own does so here too.
   */
  readonly isOccasional?: boolean;
};

export interface Engine {
  readonly name: string;
  /** What it runs on, for people: library and version, threads, device. */
  readonly description: string;
  readonly fusedOperations: ReadonlySet<FusedOperationName>;
  /** @throws ParameterError, EngineFailureError */
  compile(graph: Graph, parameters: ParameterSource, options?: CompileOptions): Promise<Executable>;
  /**
   * As `compile`, but the weights, in the order of the engine's kernels, lie in a file that all engines map that compile the same
   * graph: each has only its activations in memory of its own. The same bytes come out. Absent where an engine cannot do this.
   * @throws ParameterError, EngineFailureError (a full disk included)
   */
  compileShared?(graph: Graph, parameters: ParameterSource, program: SharedProgram): Promise<Executable>;
  /**
   * As `compile`, but all parameters that are not the graph's own are mapped from a shared program: the executable has only its own
   * ones in memory, and graphs that differ in nothing but the values of those share everything else too. The program's folder is
   * read while this compiles, and can be deleted then. Absent where an engine cannot do this.
   * @throws ParameterError, EngineFailureError
   */
  compileBeside?(graph: Graph, parameters: ParameterSource, program: BesideProgram): Promise<Executable>;
  /** Copy a tensor into the engine. */
  hold(tensor: HostTensor): EngineTensor;
  /** Executables and held tensors must have been disposed of. */
  dispose(): Promise<void>;
}

export function isHostTensor(tensor: HostTensor | EngineTensor): tensor is HostTensor {
  return "data" in tensor;
}

/** The result of a run of which nothing was kept in the engine. */
export async function runToHost(
  executable: Executable,
  inputs: RunInputs,
  outputs?: readonly string[],
): Promise<Record<string, HostTensor>> {
  const result = await executable.run(inputs, { outputs });
  return Object.fromEntries(
    Object.entries(result).map(([name, tensor]) => {
      if (!isHostTensor(tensor))
        throw new Error(`internal: output "${name}" was kept in the engine without being asked for`);
      return [name, tensor];
    }),
  );
}

/** Parameters from JavaScript memory. */
export function hostParameters(tensors: Readonly<Record<string, HostTensor>>): ParameterSource {
  return {
    read(name) {
      const tensor = tensors[name];
      return tensor
        ? Promise.resolve(tensor)
        : Promise.reject(new Error(`internal: parameter "${name}" was not given`));
    },
    locate: () => undefined,
  };
}
