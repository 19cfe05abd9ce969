/**
 * @file A pipeline schedule as data: what each stage does in one training step, in order.
 *
 * Plain values that survive JSON. Whoever executes a schedule takes each stage's list from the top:
 * - `receive-*` waits until the frame of that micro-batch has come from the neighbour; taking it gives the sender its credit back;
 * - `send-*` hands the frame to the link and goes on; it waits only when the link has no credit;
 * - `forward` and `backward` compute;
 * - `update` is last; it waits until every stage has got there, because clipping needs the gradient norm of all of them.
 *
 * Link `s` joins stages `s` and `s + 1`. Each of its two directions keeps the order of its frames and has credits of its own.
 */

export type ComputeKind = "forward" | "backward";
export type TransferKind = "send-forward" | "receive-forward" | "send-backward" | "receive-backward";

export type Action =
  { readonly kind: ComputeKind | TransferKind; readonly microBatch: number } | { readonly kind: "update" };

export type PipelineSchedule = {
  readonly name: string;
  readonly numStages: number;
  /** Micro-batches of one step; they are numbered from 0. */
  readonly numMicroBatches: number;
  /** Per stage, in the order in which it executes them. */
  readonly stages: readonly (readonly Action[])[];
  /** Per stage: the most micro-batches that are between their forward and their backward pass at one time. */
  readonly activations: readonly number[];
  /** Per link and direction: the most frames that were sent and not yet taken. */
  readonly credits: readonly number[];
};

/** `backward 3`, as messages name an action. */
export function describeAction(action: Action): string {
  return action.kind === "update" ? "update" : `${action.kind} ${action.microBatch}`;
}
