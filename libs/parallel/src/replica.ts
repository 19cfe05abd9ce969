/**
 * @file One pipeline as the gateway sees it: its stages' workers, the links to its first and last stage, and what is in flight.
 *
 * forming (a stage's place is open) -> loading (every stage loads its layers) -> linking (neighbours dial each other) -> up.
 * When a stage is lost, everything in flight is given back (StageLostError) and the pipeline forms anew in the next epoch.
 *
 * **Invariant:** a micro-batch that was submitted ends exactly once. **Invariant:** frames of another epoch are never used.
 */
import type { LayerRange, TokenBatch } from "@stagecoach/transformer";
import type { Assignment, FurtherModel, GatewayMessage, WorkerMessageOf } from "./control.ts";
import type { DataLink, LinkHello } from "./dataLink.ts";
import { FrameError, ProtocolError, StageFailureError, StageLostError } from "./errors.ts";
import { tensorNamed, type Frame } from "./frame.ts";
import { sumCosts, type RunCost } from "./lengthGroups.ts";
import { BASE_MODEL, numResultRows, timingsOf, tokenFrame, traceOf, type ServedOutput } from "./microBatchFrames.ts";
import type { Delivery, MicroBatchResult, SubmittedBatch } from "./pipelinePort.ts";

/** A worker in its place. */
export type SeatedWorker = {
  readonly workerId: string;
  readonly dataUrl: string;
  readonly send: (message: GatewayMessage) => void;
};

export type ReplicaState = "forming" | "loading" | "linking" | "up";

export type ReplicaPlan = {
  readonly stages: readonly LayerRange[];
  readonly model: Assignment["model"];
  readonly engine: string;
  readonly threads: number;
  readonly maxFrameBytes: number;
  /** Micro-batches that a stage holds: the one it works on and those that wait for it. */
  readonly credits: number;
  /** Where workers dial the gateway for data. */
  readonly gatewayDataUrl: string;
  /** What the stages are to train; left out where they serve. */
  readonly training?: Pick<Assignment, "training" | "sharesWeight">;
};

export type ReplicaEvents = {
  /** Something that changes what may be submitted. */
  readonly onChange: () => void;
  readonly onStateChange: (state: ReplicaState, why: string) => void;
  /** A link between the gateway and this pipeline broke, although both of its workers may be there. */
  readonly onLinkLost: (reason: string) => void;
};

type Seat = { worker: SeatedWorker | null; facts: WorkerMessageOf<"ready"> | null; isLinked: boolean };

/** A model besides the one of the plan. */
export type ServedModel = {
  readonly number: number;
  readonly model: Assignment["model"];
  /** Its layers on each of the stages. */
  readonly stages: readonly LayerRange[];
};

type Loading = {
  readonly ready: Set<number>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

type InFlight = {
  readonly resolve: (result: Frame) => void;
  readonly reject: (error: Error) => void;
  readonly submittedAt: number;
};

export class Replica {
  readonly number: number;
  readonly #plan: ReplicaPlan;
  readonly #events: ReplicaEvents;
  readonly #now: () => number;
  readonly #seats: Seat[];
  readonly #inFlight = new Map<number, InFlight>();
  readonly #models = new Map<number, ServedModel>();
  /** Models that not every stage has loaded yet. */
  readonly #loading = new Map<number, Loading>();
  /** Whether all stages were asked something that not every one has answered. */
  #isAsked = false;
  #epoch = 0;
  #state: ReplicaState = "forming";
  #nextMicroBatch = 0;
  #movedAt = 0;
  #input: DataLink | null = null;
  #output: DataLink | null = null;

  constructor(
    number: number,
    plan: ReplicaPlan,
    { events, now }: { readonly events: ReplicaEvents; readonly now: () => number },
  ) {
    this.number = number;
    this.#plan = plan;
    this.#events = events;
    this.#now = now;
    this.#seats = plan.stages.map(() => ({ worker: null, facts: null, isLinked: false }));
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get freeSlots(): number {
    return this.#state === "up" ? (this.#input?.credits ?? 0) : 0;
  }

  get numInFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether something that was given to the stages has yet to come back. */
  get isAwaited(): boolean {
    return this.#state === "up" && (this.#inFlight.size > 0 || this.#isAsked);
  }

  /** When the state last changed, or a micro-batch or the last of the stages' answers came back. */
  get movedAt(): number {
    return this.#movedAt;
  }

  /** Age of the oldest micro-batch in flight, in milliseconds. */
  get oldestMs(): number {
    const [oldest] = this.#inFlight.values();
    return oldest === undefined ? 0 : this.#now() - oldest.submittedAt;
  }

  get runCost(): RunCost | undefined {
    const costs = this.#seats.flatMap(({ facts }) => (facts === null ? [] : [facts.runCost]));
    return costs.length === this.#seats.length ? sumCosts(costs) : undefined;
  }

  /** Places without a worker. */
  openStages(): number[] {
    return this.#seats.flatMap(({ worker }, stage) => (worker === null ? [stage] : []));
  }

  /** The stage that keeps the pipeline from working: the first without a worker, else without its layers, else without links. */
  get missingStage(): number | null {
    if (this.#state === "up") return null;
    const waitedFor = [
      this.#seats.findIndex(({ worker }) => worker === null),
      this.#seats.findIndex(({ facts }) => facts === null),
      this.#seats.findIndex(({ isLinked }) => !isLinked),
    ];
    return waitedFor.find((stage) => stage !== -1) ?? 0;
  }

  stageFacts(stage: number): WorkerMessageOf<"ready"> | null {
    return this.#seats[stage]?.facts ?? null;
  }

  workerAt(stage: number): SeatedWorker | null {
    return this.#seats[stage]?.worker ?? null;
  }

  /** Give a place to a worker; once all places are taken, the pipeline forms. */
  seat(stage: number, worker: SeatedWorker): void {
    const seat = this.#seats[stage];
    if (seat === undefined || seat.worker !== null)
      throw new Error(`internal: stage ${stage} of replica ${this.number} is not open`);
    seat.worker = worker;
    if (this.openStages().length === 0) this.form(`stage ${stage} is back`);
  }

  /** A worker has left its place. */
  lose(stage: number, reason: string): void {
    const seat = this.#seats[stage];
    if (seat === undefined) return;
    this.#seats[stage] = { worker: null, facts: null, isLinked: false };
    this.#breakUp(stage, reason);
  }

  /** Begin a new epoch with the workers that are there: drop what was, assign, load, link. */
  form(why: string): void {
    this.#breakUp(this.missingStage ?? 0, why);
    this.#epoch++;
    this.#setState("loading", why);
    const { stages, model, engine, threads, credits, maxFrameBytes, training } = this.#plan;
    const furtherModels = (stage: number) =>
      this.#models.size === 0 ? {} : { furtherModels: [...this.#models.values()].map((each) => ofStage(each, stage)) };
    this.#seats.forEach((seat, stage) => {
      Object.assign(seat, { facts: null, isLinked: false });
      const place = {
        replica: this.number,
        stage,
        epoch: this.#epoch,
        numStages: stages.length,
        layers: stages[stage]!,
      };
      seat.worker?.send({
        kind: "assign",
        ...place,
        model,
        engine,
        threads,
        credits,
        maxFrameBytes,
        ...training,
        ...furtherModels(stage),
      });
    });
  }

  /** A stage has loaded its layers; when all have, they link up. */
  ready(stage: number, message: WorkerMessageOf<"ready">): void {
    const seat = this.#seats[stage];
    if (seat === undefined || message.epoch !== this.#epoch) return;
    seat.facts = message;
    if (this.#state !== "loading" || this.#seats.some(({ facts }) => facts === null)) return;
    this.#setState("linking", "every stage has loaded its layers");
    const { gatewayDataUrl, training } = this.#plan;
    this.#seats.forEach(({ worker }, index) => {
      const next = this.#seats[index + 1]?.worker;
      worker?.send({
        kind: "connect",
        epoch: this.#epoch,
        inputUrl: index === 0 ? gatewayDataUrl : null,
        outputUrl: next?.dataUrl ?? gatewayDataUrl,
        ...(training === undefined || next == null ? {} : { gradientUrl: next.dataUrl }),
      });
    });
  }

  /** A stage has both of its links. */
  linked(stage: number, epoch: number): void {
    const seat = this.#seats[stage];
    if (seat === undefined || epoch !== this.#epoch) return;
    seat.isLinked = true;
    this.#upIfComplete();
  }

  /** A stage says that a link broke; a dead neighbour is reported by its own control connection as well. */
  linkLost(stage: number, message: WorkerMessageOf<"linkLost">): boolean {
    if (message.epoch !== this.#epoch || this.#state === "forming") return false;
    this.#breakUp(stage, message.reason);
    return true;
  }

  /** @throws ProtocolError when the link is not one of this epoch */
  expectLink({ epoch, stage, role }: LinkHello): void {
    if (epoch !== this.#epoch || this.#state !== "linking") {
      throw new ProtocolError(
        `replica ${this.number}: expected a link of epoch ${this.#epoch} while linking, got epoch ${epoch} while ${this.#state}`,
      );
    }
    const expected = role === "receiver" ? 0 : this.#seats.length - 1;
    if (stage !== expected)
      throw new ProtocolError(`replica ${this.number}: expected stage ${expected} as ${role}, got stage ${stage}`);
  }

  /** Take over a link that `expectLink` has accepted. */
  useLink(link: DataLink, { role, epoch }: LinkHello): void {
    if (epoch !== this.#epoch || this.#state !== "linking") return link.close("the pipeline has been formed anew");
    if (role === "receiver") {
      this.#input = link;
      link.onCredit(() => this.#events.onChange());
    } else {
      this.#output = link;
      link.onFrame((frame) => this.#receive(frame, link));
    }
    void link.closed.then((reason) => {
      if (this.#input !== link && this.#output !== link) return;
      this.#breakUp(role === "receiver" ? 0 : this.#seats.length - 1, reason);
      this.#events.onLinkLost(reason);
    });
    this.#upIfComplete();
  }

  /**
   * Serve a further model. Resolves when every stage has loaded it, now or when the pipeline has come back.
   * @throws StageFailureError when a stage cannot; it is served by none then
   */
  addModel(model: ServedModel): Promise<void> {
    this.#models.set(model.number, model);
    return new Promise((resolve, reject) => {
      this.#loading.set(model.number, { ready: new Set(), resolve, reject });
      if (this.#state === "forming") return;
      this.broadcast((stage) => ({ kind: "loadModel", epoch: this.#epoch, ...ofStage(model, stage) }));
    });
  }

  removeModel(number: number): void {
    if (!this.#models.delete(number)) return;
    this.#settleLoading(number, new Error(`model ${number} was taken away while it was being loaded`));
    this.broadcast(() => ({ kind: "unloadModel", epoch: this.#epoch, number }));
  }

  modelReady(stage: number, { epoch, number }: WorkerMessageOf<"modelReady">): void {
    const loading = this.#loading.get(number);
    if (epoch !== this.#epoch || loading === undefined) return;
    loading.ready.add(stage);
    if (loading.ready.size === this.#seats.length) this.#settleLoading(number);
  }

  modelRefused(stage: number, { epoch, number, message }: WorkerMessageOf<"modelRefused">): void {
    if (epoch !== this.#epoch) return;
    this.#settleLoading(number, new StageFailureError(stage, message));
    this.removeModel(number);
  }

  #settleLoading(number: number, error?: Error): void {
    const loading = this.#loading.get(number);
    this.#loading.delete(number);
    if (error === undefined) loading?.resolve();
    else loading?.reject(error);
  }

  /** @throws StageLostError, StageFailureError */
  submit(batch: TokenBatch, output: ServedOutput, delivery: Delivery): Promise<MicroBatchResult> {
    return this.submitTo(BASE_MODEL, { batch, output, ...delivery });
  }

  /** @throws StageLostError, StageFailureError */
  async submitTo(model: number, { batch, output, attempt, trace }: SubmittedBatch): Promise<MicroBatchResult> {
    const frame = await this.exchange((id) => tokenFrame({ ...id, attempt, model, trace }, batch, output));
    const [texts, tokens, masked] = [batch.lengths.length, batch.inputIds.length, batch.maskedRows?.length ?? 0];
    const heads = (batch.attentionHeads?.length ?? 0) / 2;
    const rows = numResultRows(output, { texts, tokens, masked, heads });
    const { shape, data } = tensorNamed(frame, "output", "float32");
    if (shape.length !== 2 || shape[0] !== rows)
      throw new FrameError(`frame: expected a result of ${rows} rows, got shape [${shape.join(", ")}]`);
    const sentAt = traceOf(frame)?.sentAt;
    return { shape, data: data as Float32Array, timings: timingsOf(frame), replica: this.number, sentAt };
  }

  /**
   * Send a micro-batch through all stages.
   * @param build - makes its frame
   * @returns the frame in which the last stage answers
   * @throws StageLostError, StageFailureError
   */
  exchange(build: (id: { readonly epoch: number; readonly microBatch: number }) => Frame): Promise<Frame> {
    const link = this.#input;
    if (this.#state !== "up" || link === null) {
      return Promise.reject(
        new StageLostError({ replica: this.number, stage: this.missingStage ?? 0 }, "the pipeline is not up"),
      );
    }
    const microBatch = (this.#nextMicroBatch = (this.#nextMicroBatch + 1) % 0xffffffff);
    return new Promise((resolve, reject) => {
      this.#inFlight.set(microBatch, { resolve, reject, submittedAt: this.#now() });
      // When the link goes first, breakUp has rejected the micro-batch already.
      link.send(build({ epoch: this.#epoch, microBatch })).catch((error: unknown) => {
        if (error instanceof ProtocolError) return;
        this.#inFlight.delete(microBatch);
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  /** Ask every stage for an answer, which whoever asks hears of elsewhere, and says so. @param message - for a stage, by its number */
  ask(message: (stage: number) => GatewayMessage): void {
    this.#isAsked = true;
    this.broadcast(message);
  }

  /** Every stage has answered, or nobody waits for it any more. */
  answered(): void {
    this.#isAsked = false;
    this.#movedAt = this.#now();
  }

  /** Tell every stage. @param message - for a stage, by its number */
  broadcast(message: (stage: number) => GatewayMessage): void {
    this.#seats.forEach(({ worker }, stage) => worker?.send(message(stage)));
  }

  /** A stage's engine failed on a micro-batch. */
  microBatchFailed(stage: number, { epoch, microBatch, message }: WorkerMessageOf<"microBatchFailed">): void {
    const entry = this.#inFlight.get(microBatch);
    if (epoch !== this.#epoch || entry === undefined) return;
    this.#inFlight.delete(microBatch);
    this.#movedAt = this.#now();
    entry.reject(new StageFailureError(stage, message));
    this.#events.onChange();
  }

  #receive(frame: Frame, link: DataLink): void {
    const entry = this.#inFlight.get(frame.microBatch);
    link.grant(1);
    if (frame.epoch !== this.#epoch || frame.kind !== "result" || entry === undefined) return;
    this.#inFlight.delete(frame.microBatch);
    this.#movedAt = this.#now();
    entry.resolve(frame);
    this.#events.onChange();
  }

  #upIfComplete(): void {
    if (this.#state !== "linking" || this.#input === null || this.#output === null) return;
    if (this.#seats.every(({ isLinked }) => isLinked)) this.#setState("up", "every stage is linked");
  }

  #breakUp(stage: number, reason: string): void {
    const links = [this.#input, this.#output];
    this.#input = null;
    this.#output = null;
    for (const link of links) link?.close("the pipeline is formed anew");
    for (const seat of this.#seats) seat.isLinked = false;
    for (const { ready } of this.#loading.values()) ready.clear();
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#isAsked = false;
    this.#setState("forming", reason);
    for (const { reject } of lost) reject(new StageLostError({ replica: this.number, stage }, reason));
  }

  #setState(state: ReplicaState, why: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#movedAt = this.#now();
    this.#events.onStateChange(state, why);
    this.#events.onChange();
  }
}

function ofStage({ number, model, stages }: ServedModel, stage: number): FurtherModel {
  return { number, model, layers: stages[stage]! };
}
