/** @file Several replicas as one pipeline: each micro-batch goes to the one with the fewest in flight. */
import type { TokenBatch } from "@stagecoach/transformer";
import { StageLostError } from "./errors.ts";
import type { RunCost } from "./lengthGroups.ts";
import { BASE_MODEL, type ServedOutput } from "./microBatchFrames.ts";
import type { Delivery, MicroBatchResult, PipelinePort, SubmittedBatch } from "./pipelinePort.ts";
import type { Replica, ServedModel } from "./replica.ts";
import { Turns, type SendOne } from "./turns.ts";

type Shape = {
  readonly numStages: number;
  readonly numLanes: number;
  /** A stage that seems to be stuck, though its lease still holds; null when there is none. */
  readonly stuckStage?: () => number | null;
};

export class ReplicaSet implements PipelinePort {
  readonly replicas: readonly Replica[];
  readonly numStages: number;
  readonly numLanes: number;
  readonly #stuckStage: () => number | null;
  readonly #turns = new Turns();

  constructor(replicas: readonly Replica[], shape: Shape) {
    this.replicas = replicas;
    this.#stuckStage = shape.stuckStage ?? (() => null);
    this.numStages = shape.numStages;
    this.numLanes = shape.numLanes;
  }

  get freeSlots(): number {
    return this.replicas.reduce((total, { freeSlots }) => total + freeSlots, 0);
  }

  get runCost(): RunCost | undefined {
    return this.replicas.map(({ runCost }) => runCost).find((cost) => cost !== undefined);
  }

  get isUp(): boolean {
    return this.replicas.some(({ state }) => state === "up");
  }

  get missingStage(): number | null {
    return this.isUp ? this.#stuckStage() : (this.replicas[0]?.missingStage ?? null);
  }

  /** The stage that keeps a replica from working, or null while all of them work. */
  get missingStageOfAny(): number | null {
    return this.replicas.map(({ missingStage }) => missingStage).find((stage) => stage !== null) ?? null;
  }

  submit(batch: TokenBatch, output: ServedOutput, delivery: Delivery): Promise<MicroBatchResult> {
    return this.#submitTo(BASE_MODEL, { batch, output, ...delivery });
  }

  /** The same pipeline as a batcher of another model sees it: slots are shared, the model is not. */
  portOf(model: number): PipelinePort {
    const pipeline = this as PipelinePort;
    return {
      numStages: this.numStages,
      numLanes: this.numLanes,
      get freeSlots() {
        return pipeline.freeSlots;
      },
      get runCost() {
        return pipeline.runCost;
      },
      get missingStage() {
        return pipeline.missingStage;
      },
      submit: (batch, output, delivery) => this.#submitTo(model, { batch, output, ...delivery }),
      onFree: (sendOne) => this.onFree(sendOne),
    };
  }

  /** Serve a further model in every replica, once all are up. @throws StageFailureError when a stage cannot load it */
  async addModel(model: ServedModel): Promise<void> {
    try {
      await Promise.all(this.replicas.map((replica) => replica.addModel(model)));
    } catch (error) {
      this.removeModel(model.number);
      throw error;
    }
  }

  removeModel(number: number): void {
    for (const replica of this.replicas) replica.removeModel(number);
  }

  #submitTo(model: number, work: SubmittedBatch): Promise<MicroBatchResult> {
    const [best] = this.replicas
      .filter(({ freeSlots }) => freeSlots > 0)
      .toSorted((a, b) => a.numInFlight - b.numInFlight);
    if (best === undefined)
      return Promise.reject(new StageLostError({ replica: 0, stage: this.missingStage ?? 0 }, "no replica is up"));
    return best.submitTo(model, work);
  }

  onFree(sendOne: SendOne): () => void {
    return this.#turns.join(sendOne);
  }

  /** A replica can take more, or less. */
  changed(): void {
    this.#turns.fill(() => this.freeSlots > 0);
  }
}
