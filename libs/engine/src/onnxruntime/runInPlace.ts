/**
 * @file A run of ONNX Runtime whose outputs all go to memory of ours, and are not copied afterwards.
 *
 * onnxruntime-node (1.30, js/node/src/inference_session_wrap.cc) turns every fetched output into a new JavaScript tensor
 * once the run is over, also those that the run has written to memory that the caller gave: in training, a copy of all
 * activations, gradients and moments in each step, longer than the arithmetic between them. It does so in the order of the
 * model's outputs, and refuses what is no tensor. So our models have an empty sequence as their first output: fetching it
 * ends the conversion before the first copy, with an error that says so. A version that converts sequences, or copies
 * nothing, gives no error, and the same values.
 */
import type { OrtSession, OrtTensor } from "./ort.ts";

/** Name of the first output; no graph's output has a slash. */
export const LEADING_SEQUENCE = "/sequence";

/** How onnxruntime-node says that an output is no tensor. */
const END_OF_RUN = "Non tensor type is temporarily not supported.";

/** @param fetches - memory of every wanted output, of its type and shape */
export async function runInPlace(
  session: OrtSession,
  feeds: Readonly<Record<string, OrtTensor>>,
  fetches: Readonly<Record<string, OrtTensor>>,
): Promise<void> {
  try {
    await session.run(feeds, { [LEADING_SEQUENCE]: null, ...fetches });
  } catch (error) {
    if (!(error instanceof Error && error.message === END_OF_RUN)) throw error;
  }
}
