/** @file Errors of the transformer library: models that we cannot build as their files describe them. */

/** `config.json` (or another description in the model's folder) has a value that does not fit, or one that we do not know. */
export class ModelConfigError extends Error {
  override readonly name = "ModelConfigError";
  readonly code = "invalid_model_config";
}

/** The model's architecture is not one of ours. */
export class UnsupportedModelError extends Error {
  override readonly name = "UnsupportedModelError";
  readonly code = "unsupported_model";
}

/** The checkpoint lacks weights that the model needs, has weights that nobody knows, or has one in another shape. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly code = "invalid_checkpoint";
  readonly weights: readonly string[];

  constructor(message: string, weights: readonly string[]) {
    super(message);
    this.weights = weights;
  }
}

/** An adapter that we do not compute, or whose base is gone or another one than it was trained on. */
export class AdapterError extends Error {
  override readonly name = "AdapterError";
  readonly code = "invalid_adapter";
}

/** Texts that cannot become a batch: no texts, an empty text, or one longer than the model's positions. */
export class BatchError extends Error {
  override readonly name = "BatchError";
  readonly code = "invalid_batch";
}
