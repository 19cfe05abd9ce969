/**
 * @file A pipeline that does what a test says: it keeps what is submitted until the test completes, loses or fails it.
 *
 * Vectors follow from the ids alone, so that a test knows what each text must get: `[first id, sum of ids, tokens, sum of
 * id * position]` for a sentence, `[id, position]` for a token, `[packed row, id]` for a masked one, `[layer, head]` for a head.
 */
import type { TokenBatch } from "@stagecoach/transformer";
import { StageFailureError, StageLostError } from "../errors.ts";
import type { RunCost } from "../lengthGroups.ts";
import type { ServedOutput } from "../microBatchFrames.ts";
import type { Delivery, MicroBatchResult, PipelinePort } from "../pipelinePort.ts";
import { Turns, type SendOne } from "../turns.ts";

export type Submission = {
  readonly batch: TokenBatch;
  readonly output: ServedOutput;
  readonly attempt: number;
  readonly trace?: Delivery["trace"];
  /** Ids of each text. */
  readonly texts: readonly (readonly number[])[];
  readonly resolve: (result: MicroBatchResult) => void;
  readonly reject: (error: Error) => void;
};

export class FakePipeline implements PipelinePort {
  readonly numStages: number;
  readonly numLanes: number;
  runCost: RunCost | undefined = undefined;
  missingStage: number | null = null;
  slots: number;
  /** What is being worked on, oldest first. */
  readonly inFlight: Submission[] = [];
  /** Everything that was ever submitted. */
  readonly submissions: Submission[] = [];
  readonly #turns = new Turns();

  constructor({
    slots = 1,
    numStages = 1,
    numLanes = 1,
  }: { readonly slots?: number; readonly numStages?: number; readonly numLanes?: number } = {}) {
    this.slots = slots;
    this.numStages = numStages;
    this.numLanes = numLanes;
  }

  get freeSlots(): number {
    return this.missingStage === null ? Math.max(0, this.slots - this.inFlight.length) : 0;
  }

  submit(batch: TokenBatch, output: ServedOutput, delivery: Delivery): Promise<MicroBatchResult> {
    if (this.freeSlots === 0) throw new Error("a micro-batch was submitted without a free slot");
    return new Promise((resolve, reject) => {
      const submission = { batch, output, ...delivery, texts: textsOf(batch), resolve, reject };
      this.inFlight.push(submission);
      this.submissions.push(submission);
    });
  }

  onFree(sendOne: SendOne): () => void {
    return this.#turns.join(sendOne);
  }

  /** Something that changes what may be submitted. */
  changed(): void {
    this.#turns.fill(() => this.freeSlots > 0);
  }

  /** The result of a submission, by default the oldest. */
  complete(submission = this.#oldest()): void {
    this.#take(submission);
    submission.resolve(resultOf(submission));
    this.changed();
  }

  /** Every stage lives, one could not do this. */
  fail(submission = this.#oldest(), stage = 0): void {
    this.#take(submission);
    submission.reject(new StageFailureError(stage, "the engine said no"));
    this.changed();
  }

  /** A stage is lost and with it all that is in flight; it is back at once unless `missingStage` is set. */
  lose(stage = 0): void {
    const lost = this.inFlight.splice(0);
    this.changed();
    for (const { reject } of lost) reject(new StageLostError({ replica: 0, stage }, "killed"));
  }

  #oldest(): Submission {
    const [oldest] = this.inFlight;
    if (oldest === undefined) throw new Error("nothing is in flight");
    return oldest;
  }

  #take(submission: Submission): void {
    const index = this.inFlight.indexOf(submission);
    if (index === -1) throw new Error("this is not in flight");
    this.inFlight.splice(index, 1);
  }
}

function textsOf({ inputIds, lengths }: TokenBatch): number[][] {
  let row = 0;
  return [...lengths].map((length) => [...inputIds.subarray(row, (row += length))]);
}

export function sentenceVector(ids: readonly number[]): number[] {
  const sum = ids.reduce((a, b) => a + b, 0);
  return [ids[0] ?? -1, sum, ids.length, ids.reduce((total, id, position) => total + id * position, 0)];
}

export const tokenVectors = (ids: readonly number[]): number[] => ids.flatMap((id, position) => [id, position]);

function resultOf({ batch, texts, output }: Submission): MicroBatchResult {
  const masked = [...(batch.maskedRows ?? [])].flatMap((row) => [row, batch.inputIds[row]!]);
  const ofText = output === "sentence" ? sentenceVector : tokenVectors;
  const heads = [...(batch.attentionHeads ?? [])];
  const values = output === "maskedScores" ? masked : output === "attention" ? heads : texts.flatMap(ofText);
  const width = output === "sentence" ? 4 : 2;
  return {
    shape: [values.length / width, width],
    data: Float32Array.from(values),
    timings: [{ stage: 0, startedAt: 0, busyMs: 1 }],
    replica: 0,
  };
}
