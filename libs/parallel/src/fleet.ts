/**
 * @file The workers that have joined a gateway: their leases, their places, and the replicas that they form.
 *
 * A worker dials in, says who it is, and gets a lease that lasts as long as its heartbeats come. It is given an open place;
 * when there is none it stands by and takes the next one that opens. A worker whose connection closes, whose heartbeats stop,
 * or whose engine has been on one micro-batch for too long has lost its place.
 */
import {
  readWorkerMessage,
  type GatewayMessage,
  type WorkerCounters,
  type WorkerMessage,
  type WorkerMessageOf,
} from "./control.ts";
import { DataLink } from "./dataLink.ts";
import { ProtocolError } from "./errors.ts";
import type { Crc32 } from "./frame.ts";
import { numLanes } from "./numLanes.ts";
import { Replica, type ReplicaPlan, type ReplicaState, type SeatedWorker } from "./replica.ts";
import { ReplicaSet } from "./replicaSet.ts";
import { closeCodes, type MessageSocket } from "./socket.ts";
import type { TrainingAnswer } from "./training/trainingMessages.ts";
import type { LayerRange } from "@stagecoach/transformer";

export type Place = { readonly replica: number; readonly stage: number };

/** What became of a worker, for supervision, logs and metrics. */
export type FleetEvents = {
  readonly onJoin: (worker: WorkerView) => void;
  readonly onLost: (worker: WorkerView, reason: string) => void;
  readonly onReplicaState: (replica: number, state: ReplicaState, why: string) => void;
  /** A stage cannot be loaded; it is tried again after a pause. */
  readonly onRefused: (worker: WorkerView, problem: { readonly code: string; readonly message: string }) => void;
  /** Growth of a worker's counters since its last heartbeat. */
  readonly onCounters: (place: Place, growth: WorkerCounters) => void;
  /** What a stage in training says. */
  readonly onTraining?: (stage: number, answer: TrainingAnswer) => void;
};

export type WorkerView = {
  readonly workerId: string;
  readonly host: string;
  readonly pid: number;
  readonly place: Place | null;
};

/** A place as it is now. */
export type StageView = Place & {
  readonly layers: LayerRange;
  readonly threads: number;
  readonly worker: WorkerView | null;
  /** What its worker has loaded; null until it has. */
  readonly facts: Pick<WorkerMessageOf<"ready">, "engine" | "loadSeconds" | "parameterBytes"> | null;
};

export type FleetOptions = {
  readonly plan: ReplicaPlan;
  readonly numReplicas: number;
  readonly heartbeatMs: number;
  /** Silence after which a worker has lost its lease. */
  readonly leaseMs: number;
  /** Time that an engine may spend on one micro-batch. */
  readonly stuckMs: number;
  readonly crc32: Crc32;
  readonly now: () => number;
  readonly every: (intervalMs: number, tick: () => void) => () => void;
  readonly after: (delayMs: number, act: () => void) => void;
  readonly newId: () => string;
  readonly events: FleetEvents;
};

type Member = {
  readonly socket: MessageSocket;
  readonly hello: WorkerMessageOf<"hello">;
  readonly seated: SeatedWorker;
  place: Place | null;
  silentBeats: number;
  /** How long its engine had been on one micro-batch when it was last heard of. */
  runningMs: number;
  counters: WorkerCounters | null;
};

/** What a replica was seen doing, beat by beat. */
type Watch = { movedAt: number; idleBeats: number };

/** Results that may be on their way to the gateway at once. */
const RESULT_CREDITS = 64;
/** Pause before a pipeline whose link broke, or whose stage refused, is formed again; doubles up to the longest. */
const REFORM_PAUSE_MS = { shortest: 250, longest: 10_000 };

export class Fleet {
  readonly pipeline: ReplicaSet;
  readonly #options: FleetOptions;
  readonly #members = new Set<Member>();
  readonly #reformPauseMs: number[];
  readonly #watches: Watch[];
  readonly #stopBeat: () => void;
  #isStopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { plan, numReplicas, now, events } = options;
    const replicas = Array.from({ length: numReplicas }, (_, number) => {
      const onStateChange = (state: ReplicaState, why: string) => {
        if (state === "up") this.#reformPauseMs[number] = REFORM_PAUSE_MS.shortest;
        events.onReplicaState(number, state, why);
      };
      const onChange = () => this.pipeline.changed();
      const onLinkLost = (reason: string) => this.#reformLater(replica, reason);
      const replica: Replica = new Replica(number, plan, { now, events: { onChange, onStateChange, onLinkLost } });
      return replica;
    });
    this.pipeline = new ReplicaSet(replicas, {
      numStages: plan.stages.length,
      numLanes: numLanes(plan.engine, plan.threads),
      stuckStage: () => this.#stuckStage(),
    });
    this.#reformPauseMs = replicas.map(() => REFORM_PAUSE_MS.shortest);
    this.#watches = replicas.map(() => ({ movedAt: 0, idleBeats: 0 }));
    this.#stopBeat = options.every(options.heartbeatMs, () => this.#beat());
  }

  /** Workers that have joined, those that stand by included. */
  workers(): WorkerView[] {
    return [...this.#members].map(viewOf);
  }

  /** Every place of every replica. */
  stages(): StageView[] {
    const members = [...this.#members];
    const { stages, threads } = this.#options.plan;
    return this.pipeline.replicas.flatMap((replica) =>
      stages.map((layers, stage): StageView => {
        const seated = replica.workerAt(stage);
        const member = members.find((each) => each.seated === seated);
        const worker = member === undefined ? null : viewOf(member);
        return { replica: replica.number, stage, layers, threads, worker, facts: replica.stageFacts(stage) };
      }),
    );
  }

  /** A worker's control connection. */
  acceptControl(socket: MessageSocket): void {
    if (this.#isStopping) return socket.close(closeCodes.goingAway, "the gateway is stopping");
    let member: Member | null = null;
    socket.onClose(({ code, reason }) => member && this.#lose(member, reason || `its connection closed (${code})`));
    socket.onMessage((text) => {
      try {
        const message = readWorkerMessage(text);
        if (member !== null) return this.#receive(member, message);
        if (message.kind !== "hello") throw new ProtocolError(`control: expected hello first, got ${message.kind}`);
        member = this.#join(socket, message);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        // First, so that the worker is told why.
        socket.close(closeCodes.protocolViolation, error.message);
        if (member !== null) this.#forget(member, error.message);
      }
    });
  }

  /** A first or last stage's connection for data. */
  async acceptData(socket: MessageSocket): Promise<void> {
    const { crc32, now } = this.#options;
    const replicaOf = (number: number) => {
      const replica = this.pipeline.replicas[number];
      if (replica === undefined)
        throw new ProtocolError(`expected replica 0 to ${this.pipeline.replicas.length - 1}, got ${number}`);
      return replica;
    };
    const verify = (hello: Parameters<Replica["expectLink"]>[0]) => replicaOf(hello.replica).expectLink(hello);
    const { link, hello } = await DataLink.accept(socket, verify, { crc32, now, credits: RESULT_CREDITS });
    replicaOf(hello.replica).useLink(link, hello);
  }

  /** Ask every worker to finish and leave; their connections close when they have. */
  stop(): void {
    this.#isStopping = true;
    this.#stopBeat();
    for (const { seated } of this.#members) seated.send({ kind: "stop" });
  }

  // --- membership ----------------------------------------------------------------------------------------------------

  #join(socket: MessageSocket, hello: WorkerMessageOf<"hello">): Member {
    const { newId, heartbeatMs, leaseMs, events } = this.#options;
    const send = (message: GatewayMessage) => socket.send(JSON.stringify(message));
    const workerId = hello.workerId === "" ? `${hello.host}-${hello.pid}` : hello.workerId;
    const member: Member = {
      socket,
      hello,
      seated: { workerId, dataUrl: hello.dataUrl, send },
      place: null,
      silentBeats: 0,
      runningMs: 0,
      counters: null,
    };
    this.#members.add(member);
    send({ kind: "welcome", leaseId: newId(), heartbeatMs, leaseMs });
    events.onJoin(viewOf(member));
    this.#seatWaiting(member);
    return member;
  }

  /**
   * Seat `first` in the place it was started for, then whoever stands by in what is open: from the last place on, since those
   * that are left to workers from elsewhere are the last ones.
   */
  #seatWaiting(first?: Member): void {
    const wanted = first?.hello.seat;
    if (first && wanted && this.pipeline.replicas[wanted.replica]?.openStages().includes(wanted.stage) === true)
      this.#seat(first, wanted);
    for (const member of this.#members) {
      if (member.place !== null) continue;
      const open = this.pipeline.replicas.flatMap((replica) =>
        replica.openStages().map((stage) => ({ replica: replica.number, stage })),
      );
      const place = open.at(-1);
      if (place === undefined) return;
      this.#seat(member, place);
    }
  }

  #seat(member: Member, place: Place): void {
    member.place = place;
    this.pipeline.replicas[place.replica]!.seat(place.stage, member.seated);
  }

  /** Cut the connection of a worker that is gone, or is not to be heard any more. */
  #lose(member: Member, reason: string): void {
    member.socket.terminate();
    this.#forget(member, reason);
  }

  #forget(member: Member, reason: string): void {
    if (!this.#members.delete(member)) return;
    const { place } = member;
    if (place !== null) this.pipeline.replicas[place.replica]!.lose(place.stage, reason);
    this.#options.events.onLost(viewOf(member), reason);
    if (!this.#isStopping) this.#seatWaiting();
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  #receive(member: Member, message: WorkerMessage): void {
    const { place } = member;
    const replica = place === null ? null : this.pipeline.replicas[place.replica]!;
    switch (message.kind) {
      case "hello":
        throw new ProtocolError("control: a second hello");
      case "heartbeat":
        return this.#heartbeat(member, message);
      case "ready":
        return replica?.ready(place!.stage, message);
      case "linked":
        return replica?.linked(place!.stage, message.epoch);
      case "microBatchFailed":
        return replica?.microBatchFailed(place!.stage, message);
      case "linkLost":
        if (replica?.linkLost(place!.stage, message) === true) this.#reformLater(replica, message.reason);
        return;
      case "refused":
        if (replica === null || message.epoch !== replica.epoch) return;
        this.#options.events.onRefused(viewOf(member), message);
        return this.#reformLater(replica, message.message);
      case "modelReady":
        return replica?.modelReady(place!.stage, message);
      case "modelRefused":
        return replica?.modelRefused(place!.stage, message);
      case "accumulated":
      case "applied":
      case "saved":
      case "restored":
      case "trainingFailed":
        if (replica !== null && message.epoch === replica.epoch)
          this.#options.events.onTraining?.(place!.stage, message);
        return;
    }
  }

  /** Once a pause has passed, form a pipeline whose workers are all there. */
  #reformLater(replica: Replica, why: string): void {
    const pauseMs = this.#reformPauseMs[replica.number]!;
    this.#reformPauseMs[replica.number] = Math.min(pauseMs * 2, REFORM_PAUSE_MS.longest);
    const { epoch } = replica;
    this.#options.after(pauseMs, () => {
      const isUnchanged = replica.epoch === epoch && replica.openStages().length === 0 && replica.state !== "up";
      if (isUnchanged && !this.#isStopping) replica.form(`again after: ${why}`);
    });
  }

  #heartbeat(member: Member, { runningMs, counters }: WorkerMessageOf<"heartbeat">): void {
    member.silentBeats = 0;
    member.seated.send({ kind: "heartbeat" });
    if (member.place !== null) this.#options.events.onCounters(member.place, growthOf(counters, member.counters));
    member.counters = counters;
    member.runningMs = runningMs;
    if (runningMs > this.#options.stuckMs) {
      this.#lose(member, `its engine has been on one micro-batch for ${Math.round(runningMs / 1000)} s`);
    }
  }

  /**
   * Silence is counted in beats of our own clock: when this process was not running itself (a suspended machine), no beat
   * passes, and nobody loses a lease for it.
   */
  #beat(): void {
    const { heartbeatMs, leaseMs } = this.#options;
    for (const member of this.#members) {
      member.silentBeats++;
      if (member.silentBeats * heartbeatMs > leaseMs) {
        this.#lose(member, `no heartbeat for ${(member.silentBeats * heartbeatMs) / 1000} s`);
      }
    }
    for (const replica of this.pipeline.replicas) this.#watch(replica);
  }

  /** The stage of a worker that has missed a heartbeat, or has been on one micro-batch for as long as two of them. */
  #stuckStage(): number | null {
    const { heartbeatMs } = this.#options;
    const silence = ({ silentBeats, runningMs }: Member) => Math.max(silentBeats, Math.floor(runningMs / heartbeatMs));
    const [longest] = [...this.#members]
      .filter(({ place }) => place !== null)
      .toSorted((a, b) => silence(b) - silence(a));
    return longest !== undefined && silence(longest) >= 2 ? longest.place!.stage : null;
  }

  /**
   * Every stage lives, but a link does not come about, or a micro-batch or an answer does not come back: start afresh rather than
   * wait for ever. A stage that is at work is no reason to, however long the others wait for it; it has a limit of its own.
   */
  #watch(replica: Replica): void {
    const { heartbeatMs, leaseMs, stuckMs, plan } = this.#options;
    const watch = this.#watches[replica.number]!;
    const isAtWork = [...this.#members].some(
      ({ place, runningMs }) => place?.replica === replica.number && runningMs > 0,
    );
    const isWaiting = replica.state === "linking" || (replica.isAwaited && !isAtWork);
    watch.idleBeats = isWaiting && replica.movedAt === watch.movedAt ? watch.idleBeats + 1 : 0;
    watch.movedAt = replica.movedAt;
    const isStalled = watch.idleBeats * heartbeatMs > stuckMs + 2 * leaseMs;
    // One that others have overtaken shows in its age alone: beyond what a full pipeline of slow stages takes.
    const isLeftBehind = replica.oldestMs > stuckMs * plan.stages.length * plan.credits + 2 * leaseMs;
    if (!isStalled && !isLeftBehind) return;
    watch.idleBeats = 0;
    const missing = replica.numInFlight > 0 ? "a micro-batch did not come back" : "its stages did not answer";
    replica.form(replica.state === "linking" ? "its links did not come about" : missing);
  }
}

function viewOf({ seated, hello, place }: Member): WorkerView {
  return { workerId: seated.workerId, host: hello.host, pid: hello.pid, place };
}

function growthOf(now: WorkerCounters, before: WorkerCounters | null): WorkerCounters {
  if (before === null) return now;
  const grown = Object.entries(now).map(([key, value]) => {
    const isLevel = key === "residentBytes";
    return [key, isLevel ? value : Math.max(0, value - before[key as keyof WorkerCounters])];
  });
  return Object.fromEntries(grown) as WorkerCounters;
}
