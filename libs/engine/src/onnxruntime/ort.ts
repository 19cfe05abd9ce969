/**
 * @file What we use of ONNX Runtime's JavaScript API, as types.
 *
 * The module itself is handed in: onnxruntime-node in a process, onnxruntime-web in a browser.
 * @see https://onnxruntime.ai/docs/api/js/
 */
import type { TensorData } from "../engine.ts";

export type OrtTensor = {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
  dispose?(): void;
};

export type OrtSession = {
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    /** Wanted outputs, with the tensors to write them to, or null for new ones. */
    fetches: Readonly<Record<string, OrtTensor | null>>,
  ): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
};

export type OrtModule = {
  readonly InferenceSession: { create(model: Uint8Array | string, options: OrtSessionOptions): Promise<OrtSession> };
  readonly Tensor: new (type: "float32" | "int32" | "bool", data: TensorData, dims: readonly number[]) => OrtTensor;
};

export type OrtSessionOptions = {
  readonly executionProviders: readonly string[];
  readonly graphOptimizationLevel: "disabled";
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads: number;
  readonly enableMemPattern: boolean;
  readonly logSeverityLevel: number;
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[];
  readonly optimizedModelFilePath?: string;
  readonly extra: { readonly session: Readonly<Record<string, unknown>> };
};
