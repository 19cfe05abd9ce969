/**
 * @file A worker's side of the protocol: it joins a gateway, is assigned a stage, links up with its neighbours, and runs
 * micro-batches until it is told to stop or loses its lease.
 *
 * Portable: sockets, the engine's thread and the clock are handed in. One session lasts as long as one control connection;
 * the loaded stage outlives it, so that a worker that comes back need not load again.
 *
 * **Invariant:** a micro-batch is worked on in one epoch only. When the epoch changes, what was queued is dropped; the gateway
 * gives it out again.
 */
import {
  readGatewayMessage,
  type Assignment,
  type FurtherModel,
  type GatewayMessageOf,
  type WorkerCounters,
  type WorkerMessage,
} from "./control.ts";
import { DataLink, type LinkHello } from "./dataLink.ts";
import { ProtocolError } from "./errors.ts";
import { frameBytesFor, PROTOCOL_VERSION, type Crc32, type Frame } from "./frame.ts";
import { freeMemory } from "./freeMemory.ts";
import type { RunCost } from "./lengthGroups.ts";
import { attentionOf, batchOf, modelOf, outputFrame, outputOf } from "./microBatchFrames.ts";
import { closeCodes, type MessageSocket } from "./socket.ts";
import type { StageFacts } from "./stage.ts";
import type { StageHost, TrainingStageHost } from "./stageHost.ts";
import { StageRecorder, type StageSpans } from "./tracing/stageSpans.ts";
import type { Tracer } from "./tracing/tracer.ts";
import { TrainingWork, type TrainingLinks } from "./training/trainingWork.ts";

export type StageWorkerOptions = {
  readonly host: StageHost;
  /** Left out where this worker can serve only. */
  readonly trainingHost?: TrainingStageHost;
  /** How this worker introduces itself. */
  readonly identity: Omit<Extract<WorkerMessage, { kind: "hello" }>, "kind" | "protocol">;
  /** @param options.maxMessageBytes - largest frame that the neighbour may send */
  readonly dialData: (url: string, options: { readonly maxMessageBytes: number }) => Promise<MessageSocket>;
  readonly crc32: Crc32;
  readonly now: () => number;
  readonly unixNow: () => number;
  /** Call `tick` every `intervalMs` until the returned function is called. */
  readonly every: (intervalMs: number, tick: () => void) => () => void;
  readonly residentBytes: () => number;
  /** Left out where this worker records nothing. */
  readonly tracer?: Tracer | undefined;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
};

/** Why a session ended: the gateway asked for it, or the connection or the lease was lost. */
export type SessionEnd = { readonly kind: "stopped" } | { readonly kind: "lost"; readonly reason: string };

/** Until the welcome there is no lease to lose. */
const WELCOME_TIMEOUT_MS = 10_000;

type Forwarding = { readonly input: DataLink; readonly output: DataLink; readonly spans: StageSpans | undefined };

const noCounts: Omit<WorkerCounters, "residentBytes"> = {
  microBatches: 0,
  tokens: 0,
  busySeconds: 0,
  waitingSeconds: 0,
  sendingSeconds: 0,
  bytesSent: 0,
  bytesReceived: 0,
};

export class StageWorker {
  readonly #options: StageWorkerOptions;
  readonly #counters = { ...noCounts };
  #control: MessageSocket | null = null;
  #assignment: Assignment | null = null;
  #input: DataLink | null = null;
  #output: DataLink | null = null;
  /** Training only: gradients from the next stage, and to the one before. */
  #gradientInput: DataLink | null = null;
  #gradientOutput: DataLink | null = null;
  #training: TrainingWork | null = null;
  /** Connections on which no link has come about yet. */
  readonly #dialing = new Set<MessageSocket>();
  #queue: Frame[] = [];
  readonly #recorder: StageRecorder;
  #numRunning = 0;
  /** Since when the counters have not been told of what the engine does, or of its having nothing to do. */
  #countedUntil: number;
  #isStopping = false;
  #endSession: (end: SessionEnd) => void = () => {};

  constructor(options: StageWorkerOptions) {
    this.#options = options;
    this.#recorder = new StageRecorder(options);
    this.#countedUntil = options.now();
  }

  /** Take part until the session ends. Links are closed then; the stage stays loaded. */
  async serve(control: MessageSocket): Promise<SessionEnd> {
    // Its own end: a connection that was given up can close long after the next session has begun.
    const session = Promise.withResolvers<SessionEnd>();
    this.#control = control;
    this.#endSession = session.resolve;
    Object.assign(this.#counters, noCounts);
    control.onClose(({ code, reason }) =>
      session.resolve({ kind: "lost", reason: reason || `connection closed (${code})` }),
    );
    control.onMessage((text) => {
      if (this.#control === control) this.#receive(text);
    });
    this.#send({ kind: "hello", protocol: PROTOCOL_VERSION, ...this.#options.identity });
    this.#stopHeartbeat = this.#options.every(WELCOME_TIMEOUT_MS, () =>
      session.resolve({ kind: "lost", reason: `no welcome from the gateway within ${WELCOME_TIMEOUT_MS / 1000} s` }),
    );
    if (this.#isStopping) this.#stopWhenIdle();
    const end = await session.promise;
    this.#stopHeartbeat();
    this.#dropLinks(end.kind === "stopped" ? "stopped" : end.reason);
    control.close(closeCodes.normal, end.kind);
    this.#control = null;
    return end;
  }

  /** Finish the micro-batch under way, then end the session. What waits behind it is given to others by the gateway. */
  leave(): void {
    this.#isStopping = true;
    // A step that is not finished is not lost either: the run goes on from its last checkpoint.
    this.#training?.end();
    this.#stopWhenIdle();
  }

  /** Largest message that a neighbour may send: what the assignment says, or without one a frame that carries no tensors. */
  get maxFrameBytes(): number {
    return this.#assignment?.maxFrameBytes ?? frameBytesFor(0);
  }

  /** A neighbour's connection for data. */
  async acceptData(socket: MessageSocket): Promise<void> {
    const { link, hello } = await DataLink.accept(socket, (each) => this.#expectNeighbour(each), this.#linkOptions());
    if (this.#assignment?.epoch !== hello.epoch)
      return link.close("the pipeline has been formed anew", closeCodes.staleEpoch);
    if (hello.role === "sender") return this.#useInput(link, hello.epoch);
    this.#gradientOutput = link;
    this.#watch(link, hello.epoch);
    this.#reportLinked(hello.epoch);
  }

  #receive(text: string | Uint8Array): void {
    try {
      const message = readGatewayMessage(text);
      this.#heardAt = this.#options.now();
      switch (message.kind) {
        case "welcome":
          return this.#startHeartbeat(message);
        case "assign":
          return void this.#assign(message);
        case "connect":
          return void this.#connect(message);
        case "heartbeat":
          return;
        case "stop":
          return this.leave();
        case "loadModel":
          if (message.epoch === this.#assignment?.epoch) void this.#loadModel(message, this.#assignment);
          return;
        case "unloadModel":
          return void this.#unloadModel(message.number);
        case "step":
        case "apply":
        case "save":
        case "restore":
          // A command of an epoch that is over here: the gateway knows, or is about to be told.
          if (message.epoch === this.#assignment?.epoch) this.#training?.command(message);
          return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#control?.close(closeCodes.protocolViolation, error.message);
      this.#endSession({ kind: "lost", reason: error.message });
    }
  }

  // --- lease ---------------------------------------------------------------------------------------------------------

  #heardAt = 0;
  #stopHeartbeat: () => void = () => {};

  /**
   * The lease holds as long as both ends hear each other. Silence is counted in heartbeats of our own, so that a machine that
   * slept through a while does not take its own absence for the gateway's.
   */
  #startHeartbeat({ heartbeatMs, leaseMs }: GatewayMessageOf<"welcome">): void {
    this.#stopHeartbeat();
    let silentBeats = 0;
    let heardBefore = this.#heardAt;
    this.#stopHeartbeat = this.#options.every(heartbeatMs, () => {
      silentBeats = this.#heardAt === heardBefore ? silentBeats + 1 : 0;
      heardBefore = this.#heardAt;
      if (silentBeats * heartbeatMs > leaseMs) {
        this.#control?.close(closeCodes.leaseExpired, "the gateway was silent for longer than the lease");
        return this.#endSession({ kind: "lost", reason: "the gateway was silent for longer than the lease" });
      }
      this.#send({ kind: "heartbeat", runningMs: this.#runningMs(), counters: this.#readCounters() });
    });
  }

  #runningMs(): number {
    return Math.max(this.#options.host.runningMs, this.#options.trainingHost?.runningMs ?? 0);
  }

  #readCounters(): WorkerCounters {
    this.#countTime();
    const all = [this.#input, this.#output, this.#gradientInput, this.#gradientOutput];
    const links = all.flatMap((link) => (link === null ? [] : [link.counters]));
    const sum = (key: "bytesSent" | "bytesReceived") =>
      links.reduce((total, each) => total + each[key], this.#counters[key]);
    return {
      ...this.#counters,
      bytesSent: sum("bytesSent"),
      bytesReceived: sum("bytesReceived"),
      residentBytes: this.#options.residentBytes(),
    };
  }

  // --- assignment and links ------------------------------------------------------------------------------------------

  async #assign(assignment: Assignment): Promise<void> {
    this.#dropLinks("the pipeline is formed anew");
    this.#assignment = assignment;
    const { epoch } = assignment;
    try {
      const { facts, runCost } = await this.#load(assignment);
      if (this.#assignment !== assignment) return;
      // One that cannot be loaded is no reason to serve none.
      for (const each of assignment.furtherModels ?? []) await this.#loadModel(each, assignment);
      if (this.#assignment !== assignment) return;
      const { engine, loadSeconds, parameterBytes } = facts;
      this.#send({ kind: "ready", epoch, engine, loadSeconds, parameterBytes, runCost });
    } catch (error) {
      if (this.#assignment === assignment) this.#send({ kind: "refused", epoch, ...factsOf(error) });
    }
  }

  async #load(assignment: Assignment): Promise<{ readonly facts: StageFacts; readonly runCost: RunCost }> {
    if (assignment.training === undefined) return this.#options.host.load(assignment);
    // Nobody asks a training stage what a run costs.
    const runCost = { fixed: 0, token: 0, padded: 0, attention: 0 };
    return { facts: await this.#trainingHost().loadTraining(assignment), runCost };
  }

  async #loadModel(model: FurtherModel, assignment: Assignment): Promise<void> {
    const { epoch } = assignment;
    const { number } = model;
    try {
      if (this.#options.host.loadModel === undefined) throw new ProtocolError("this worker serves one model only");
      await this.#options.host.loadModel({ number, model: model.model, layers: model.layers }, assignment);
      if (this.#assignment === assignment) this.#send({ kind: "modelReady", epoch, number });
    } catch (error) {
      if (this.#assignment === assignment) this.#send({ kind: "modelRefused", epoch, number, ...factsOf(error) });
    }
  }

  /** Nobody waits for it, and another one can be loaded under another number. */
  async #unloadModel(number: number): Promise<void> {
    try {
      await this.#options.host.unloadModel?.(number);
    } catch (error) {
      this.#options.log("model not unloaded", { number, ...factsOf(error) });
    }
  }

  /** Dial the links that this end is to dial: towards the next stage or the gateway, and on stage 0 for input. */
  async #connect({ epoch, inputUrl, outputUrl, gradientUrl }: GatewayMessageOf<"connect">): Promise<void> {
    const assignment = this.#assignment;
    if (assignment?.epoch !== epoch) return;
    const { replica, stage } = assignment;
    const dial = async (url: string, role: LinkHello["role"]) => {
      const socket = await this.#options.dialData(url, { maxMessageBytes: assignment.maxFrameBytes });
      if (this.#assignment === assignment) this.#dialing.add(socket);
      else socket.terminate();
      const link = DataLink.open(socket, { replica, stage, epoch, role }, this.#linkOptions());
      return link.finally(() => this.#dialing.delete(socket));
    };
    const dialed = [
      inputUrl === null ? Promise.resolve(null) : dial(inputUrl, "receiver"),
      dial(outputUrl, "sender"),
      gradientUrl === undefined ? Promise.resolve(null) : dial(gradientUrl, "receiver"),
    ] as const;
    const drop = (link: DataLink | null) => link?.close("the pipeline is formed anew");
    try {
      const [input, output, gradientInput] = await Promise.all(dialed);
      if (this.#assignment !== assignment) return [input, output, gradientInput].forEach(drop);
      this.#output = output;
      this.#watch(output, epoch);
      this.#gradientInput = gradientInput;
      if (gradientInput !== null) this.#watch(gradientInput, epoch);
      if (input !== null) this.#useInput(input, epoch);
      else this.#reportLinked(epoch);
    } catch (error) {
      // The other of the two may have come about, or still be going to.
      for (const each of dialed) each.then(drop, () => {});
      if (this.#assignment === assignment) this.#send({ kind: "linkLost", epoch, reason: factsOf(error).message });
    }
  }

  #useInput(link: DataLink, epoch: number): void {
    this.#input = link;
    this.#watch(link, epoch);
    if (this.#assignment?.training === undefined) {
      link.onFrame((frame) => {
        if (frame.epoch !== this.#assignment?.epoch) return;
        this.#recorder.received(frame);
        this.#queue.push(frame);
        this.#pump();
      });
    }
    this.#reportLinked(epoch);
  }

  #reportLinked(epoch: number): void {
    const assignment = this.#assignment;
    const [input, output] = [this.#input, this.#output];
    if (assignment === null || input === null || output === null) return;
    if (assignment.training !== undefined) {
      const { stage, numStages } = assignment;
      const [gradientInput, gradientOutput] = [this.#gradientInput, this.#gradientOutput];
      if (gradientInput === null && stage < numStages - 1) return;
      if (gradientOutput === null && stage > 0) return;
      this.#training = this.#startTraining(assignment, { input, output, gradientInput, gradientOutput });
    }
    this.#send({ kind: "linked", epoch });
  }

  #trainingHost(): TrainingStageHost {
    const { trainingHost } = this.#options;
    if (trainingHost === undefined) throw new ProtocolError("this worker can serve a stage, not train one");
    return trainingHost;
  }

  #startTraining(assignment: Assignment, links: TrainingLinks): TrainingWork {
    return new TrainingWork({
      assignment,
      links,
      host: this.#trainingHost(),
      now: this.#options.now,
      unixNow: this.#options.unixNow,
      send: (answer) => this.#send(answer),
      onBusy: ({ kind, startMs, endMs }, tokens) => {
        if (kind === "forward") this.#counters.microBatches++;
        this.#counters.tokens += tokens;
        this.#counters.busySeconds += (endMs - startMs) / 1000;
      },
    });
  }

  /** When a link of this epoch breaks, the gateway decides what happens. */
  #watch(link: DataLink, epoch: number): void {
    void link.closed.then((reason) => {
      this.#counters.bytesSent += link.counters.bytesSent;
      this.#counters.bytesReceived += link.counters.bytesReceived;
      if (this.#input === link) this.#input = null;
      if (this.#output === link) this.#output = null;
      if (this.#gradientInput === link) this.#gradientInput = null;
      if (this.#gradientOutput === link) this.#gradientOutput = null;
      if (this.#assignment?.epoch === epoch) this.#send({ kind: "linkLost", epoch, reason });
    });
  }

  #dropLinks(reason: string): void {
    const links = [this.#input, this.#output, this.#gradientInput, this.#gradientOutput];
    this.#assignment = null;
    this.#queue = [];
    this.#training?.end();
    this.#training = null;
    for (const link of links) link?.close(reason, closeCodes.goingAway);
    for (const socket of this.#dialing) socket.terminate();
  }

  #expectNeighbour(hello: LinkHello): void {
    const own = this.#assignment;
    if (own === null || hello.epoch !== own.epoch) {
      throw new ProtocolError(`stage link: expected epoch ${own?.epoch ?? "none"}, got ${hello.epoch}`);
    }
    const isExpected = hello.role === "sender" || own.training !== undefined;
    if (hello.replica !== own.replica || hello.stage !== own.stage - 1 || !isExpected) {
      throw new ProtocolError(
        `stage link: expected stage ${own.stage - 1} of replica ${own.replica}, got stage ${hello.stage} of replica ${hello.replica}`,
      );
    }
  }

  #linkOptions() {
    const { crc32, now } = this.#options;
    return { crc32, now, credits: this.#assignment?.credits ?? 0 };
  }

  // --- work ----------------------------------------------------------------------------------------------------------

  /** As many micro-batches at a time as the engine has places. */
  #pump(): void {
    while (!this.#isStopping && this.#numRunning < this.#options.host.numPlaces) {
      const frame = this.#queue.shift();
      if (frame === undefined) return;
      this.#countTime();
      this.#numRunning++;
      void this.#perform(frame).then(() => {
        this.#countTime();
        this.#numRunning--;
        if (this.#isStopping) this.#stopWhenIdle();
        else this.#pump();
      });
    }
  }

  async #perform(frame: Frame): Promise<void> {
    const { host } = this.#options;
    const assignment = this.#assignment;
    const [input, output] = [this.#input, this.#output];
    if (assignment === null || input === null || output === null || frame.epoch !== assignment.epoch) return;
    const { stage, numStages } = assignment;
    const isLast = stage === numStages - 1;
    let spans: StageSpans | undefined;
    try {
      spans = this.#recorder.begin(frame, assignment);
      const wanted = outputOf(frame);
      const attention = wanted === "attention" ? attentionOf(frame) : undefined;
      const batch = batchOf(frame, stage === 0);
      const kind = isLast || wanted === "attention" ? wanted : "hidden";
      const result = await host.run(batch, kind, modelOf(frame));
      spans?.computed(result);
      this.#counters.microBatches++;
      this.#counters.tokens += batch.lengths.reduce((a, b) => a + b, 0);
      const onward = outputFrame(frame, result, { stage, isLast, batch, attention, sentAt: spans?.sentAt() });
      void this.#forward(onward, { input, output, spans });
      freeMemory(result.data);
      if (result.hidden !== undefined) freeMemory(result.hidden.data);
    } catch (error) {
      spans?.failed(error);
      this.#giveUp(frame, error, input);
    }
  }

  /** The stage is busy while at least one lane is: the time counts once. What is under way counts up to now. */
  #countTime(): void {
    const now = this.#options.now();
    const seconds = (now - this.#countedUntil) / 1000;
    this.#countedUntil = now;
    if (this.#numRunning > 0) this.#counters.busySeconds += seconds;
    else this.#counters.waitingSeconds += seconds;
  }

  /** The place of a micro-batch is free once its result is with the socket, not before: this is what bounds the pipeline. */
  async #forward(frame: Frame, { input, output, spans }: Forwarding): Promise<void> {
    const started = this.#options.now();
    try {
      await output.send(frame);
      input.grant(1);
      spans?.sent();
    } catch (error) {
      spans?.failed(error);
      if (error instanceof ProtocolError) this.#options.log("result not sent", { reason: error.message });
      else this.#giveUp(frame, error, input);
    }
    this.#counters.sendingSeconds += (this.#options.now() - started) / 1000;
  }

  /** A micro-batch goes no further. `input` is open only if the epoch in which it came still is. */
  #giveUp({ epoch, microBatch }: Frame, error: unknown, input: DataLink): void {
    if (this.#input !== input) return;
    this.#send({ kind: "microBatchFailed", epoch, microBatch, ...factsOf(error) });
    input.grant(1);
  }

  #stopWhenIdle(): void {
    if (this.#numRunning === 0) this.#endSession({ kind: "stopped" });
  }

  #send(message: WorkerMessage): void {
    this.#control?.send(JSON.stringify(message));
  }
}

/** An error as it travels. */
function factsOf(error: unknown): { readonly code: string; readonly message: string } {
  const code = error instanceof Error && "code" in error ? String(error.code) : "internal";
  return { code, message: error instanceof Error ? error.message : String(error) };
}
