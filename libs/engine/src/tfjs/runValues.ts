/** @file Values of a graph's nodes during one run: some belong to the run, some are only lent to it. */
import type { Tensor } from "@stagecoach/graph";
import type { TfTensor } from "./tf.ts";

export class RunValues {
  readonly #borrowed: Map<Tensor, TfTensor>;
  readonly #owned = new Map<Tensor, TfTensor>();

  /** @param resident - values that outlive the run */
  constructor(resident: ReadonlyMap<Tensor, TfTensor>) {
    this.#borrowed = new Map(resident);
  }

  /** The run disposes of this value. */
  own(node: Tensor, tensor: TfTensor): void {
    this.#owned.set(node, tensor);
  }

  /** Somebody else disposes of this value. */
  borrow(node: Tensor, tensor: TfTensor): void {
    this.#borrowed.set(node, tensor);
  }

  get(node: Tensor): TfTensor {
    const tensor = this.#owned.get(node) ?? this.#borrowed.get(node);
    if (tensor === undefined) throw new Error(`internal: node ${node.id} (${node.op}) was used before it was computed`);
    return tensor;
  }

  /** Nothing needs this value any more. */
  release(node: Tensor): void {
    this.#owned.get(node)?.dispose();
    this.#owned.delete(node);
  }

  /** Dispose of all that the run still owns. */
  dispose(): void {
    this.#owned.forEach((tensor) => tensor.dispose());
    this.#owned.clear();
  }
}
