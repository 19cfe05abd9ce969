/**
 * @file A gateway's fleet and its workers in one process: the real Fleet and the real StageWorkers, over a network in memory, on
 * a clock that stands still unless it is moved.
 */
import { ProtocolError } from "../errors.ts";
import { Fleet, type FleetOptions, type WorkerView } from "../fleet.ts";
import { crc32 } from "../node/clock.ts";
import type { ReplicaPlan, ReplicaState } from "../replica.ts";
import { StageWorker, type SessionEnd } from "../stageWorker.ts";
import { RemoteTrainingPipeline } from "../training/remoteTrainingPipeline.ts";
import { FakeClock, type ProcessClock } from "./fakeClock.ts";
import { FakeStageHost } from "./fakeStageHost.ts";
import { FakeTrainingHost, type FakeDisk } from "./fakeTrainingHost.ts";
import { MemoryNetwork, turn, type MemorySocket } from "./memoryNetwork.ts";
import type { Random } from "./random.ts";

export const timing = { heartbeatMs: 1000, leaseMs: 3000, stuckMs: 10_000 } as const;
const REJOIN_PAUSE_MS = 250;

export type ClusterOptions = {
  readonly numStages: number;
  readonly numReplicas?: number;
  readonly credits?: number;
  readonly random?: Random;
  /** Whether the stages are there to train. */
  readonly isTraining?: boolean;
};

type Seat = { readonly replica: number; readonly stage: number };

export class Cluster {
  readonly clock = new FakeClock();
  readonly network: MemoryNetwork;
  readonly fleet: Fleet;
  readonly gateway: ProcessClock;
  readonly workers: SimulatedWorker[] = [];
  /** What a trainer drives; of use where the stages are there to train. */
  readonly run: RemoteTrainingPipeline;
  /** What training stages have saved. */
  readonly disk: FakeDisk = new Map();
  /** What the fleet told its owner. */
  readonly events: {
    readonly states: { readonly replica: number; readonly state: ReplicaState; readonly why: string }[];
    readonly lost: { readonly worker: WorkerView; readonly reason: string }[];
    readonly refused: { readonly worker: WorkerView; readonly code: string; readonly message: string }[];
    readonly microBatches: Map<string, number>;
  } = { states: [], lost: [], refused: [], microBatches: new Map() };

  constructor({ numStages, numReplicas = 1, credits = 2, random, isTraining = false }: ClusterOptions) {
    this.network = new MemoryNetwork(random);
    this.gateway = this.clock.process();
    const plan: ReplicaPlan = {
      stages: Array.from({ length: numStages }, (_, stage) => ({ start: stage, end: stage + 1 })),
      model: { reference: "a/model", revision: null, fingerprint: "00" },
      engine: "fake",
      threads: 1,
      maxFrameBytes: 1 << 20,
      credits,
      gatewayDataUrl: "memory://gateway",
      ...(isTraining ? { training: { training: {}, sharesWeight: false } } : {}),
    };
    let nextId = 0;
    this.fleet = new Fleet({
      plan,
      numReplicas,
      ...timing,
      crc32,
      now: this.gateway.now,
      every: this.gateway.every,
      after: this.gateway.after,
      newId: () => String(nextId++),
      events: this.#fleetEvents(),
    });
    this.run = new RemoteTrainingPipeline(this.fleet.pipeline.replicas[0]!, numStages, this.gateway.after);
  }

  /** Start a worker and let it join. */
  start(name: string, seat: Seat | null = null): SimulatedWorker {
    const worker = new SimulatedWorker(this, { name, seat });
    this.workers.push(worker);
    void worker.run();
    return worker;
  }

  /** One worker for each place, started for it. */
  startAll(): SimulatedWorker[] {
    const { replicas, numStages } = this.fleet.pipeline;
    return replicas.flatMap(({ number: replica }) =>
      Array.from({ length: numStages }, (_, stage) => this.start(`r${replica}s${stage}`, { replica, stage })),
    );
  }

  /** Let time pass; everything that becomes due happens, and everything that is sent arrives. */
  async advance(durationMs: number): Promise<void> {
    await this.network.settle();
    await this.clock.advance(durationMs, () => this.network.settle());
    await this.network.settle();
  }

  /** A connection between two processes, by name. */
  connect(from: string, to: string): [MemorySocket, MemorySocket] {
    const ends = this.network.pair(from, to);
    for (const [index, name] of [from, to].entries()) {
      const worker = this.workerNamed(name);
      worker?.sockets.push(ends[index]!);
      if (worker?.isFrozen === true) this.network.frozen.add(ends[index]!);
    }
    return ends;
  }

  workerNamed(name: string): SimulatedWorker | undefined {
    return this.workers.find((each) => each.name === name && each.isAlive);
  }

  /** Timers of the gateway, and of workers that have left, which would still go off. */
  get leakedTimers(): number {
    const left = this.workers.filter(({ ends }) => ends.at(-1)?.kind === "stopped");
    return [this.gateway, ...left.map(({ process }) => process)].reduce((total, each) => total + each.numTimers, 0);
  }

  get states(): ReplicaState[] {
    return this.fleet.pipeline.replicas.map(({ state }) => state);
  }

  /** Whoever dials for data gets to whoever has that name. */
  dialData(from: string, url: string): Promise<MemorySocket> {
    const to = url.replace("memory://", "");
    const target = to === "gateway" ? this.fleet : this.workerNamed(to)?.worker;
    if (target === undefined) return Promise.reject(new ProtocolError(`dial ${url}: nobody is there`));
    const [own, other] = this.connect(from, to);
    target.acceptData(other).catch(() => other.terminate());
    return Promise.resolve(own);
  }

  #fleetEvents(): FleetOptions["events"] {
    const { states, lost, refused, microBatches } = this.events;
    return {
      onJoin: () => {},
      onLost: (worker, reason) => lost.push({ worker, reason }),
      onReplicaState: (replica, state, why) => {
        states.push({ replica, state, why });
        if (replica === 0) this.run.stateChanged(state, why);
      },
      onTraining: (stage, answer) => this.run.receive(stage, answer),
      onRefused: (worker, problem) => refused.push({ worker, ...problem }),
      onCounters: ({ replica, stage }, growth) => {
        const place = `r${replica}s${stage}`;
        microBatches.set(place, (microBatches.get(place) ?? 0) + growth.microBatches);
      },
    };
  }
}

/** A process that joins again when it has lost its gateway, as runStageWorker does. */
export class SimulatedWorker {
  readonly name: string;
  readonly host: FakeStageHost;
  readonly trainingHost: FakeTrainingHost;
  readonly worker: StageWorker;
  readonly process: ProcessClock;
  readonly sockets: MemorySocket[] = [];
  readonly ends: SessionEnd[] = [];
  control: MemorySocket | null = null;
  isAlive = true;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, { name, seat }: { readonly name: string; readonly seat: Seat | null }) {
    this.#cluster = cluster;
    this.name = name;
    this.process = cluster.clock.process();
    this.host = new FakeStageHost(this.process);
    this.trainingHost = new FakeTrainingHost(this.process, cluster.disk);
    this.worker = new StageWorker({
      host: this.host,
      trainingHost: this.trainingHost,
      identity: { workerId: name, seat, host: "machine", pid: 1, dataUrl: `memory://${name}` },
      dialData: (url) => cluster.dialData(name, url),
      crc32,
      now: this.process.now,
      unixNow: this.process.now,
      every: this.process.every,
      residentBytes: () => 1,
      log: () => {},
    });
  }

  get isFrozen(): boolean {
    return this.process.isFrozen;
  }

  /** Sockets that still connect it with somebody. */
  get openSockets(): MemorySocket[] {
    return this.sockets.filter((socket) => !socket.isClosed);
  }

  async run(): Promise<void> {
    while (this.isAlive) {
      const [own, other] = this.#cluster.connect(this.name, "gateway");
      this.control = own;
      this.#cluster.fleet.acceptControl(other);
      const end = await this.worker.serve(own);
      this.ends.push(end);
      if (end.kind === "stopped") this.isAlive = false;
      if (!this.isAlive) break;
      do await new Promise<void>((resolve) => this.process.after(REJOIN_PAUSE_MS, resolve));
      while (this.host.runningMs > 0);
    }
  }

  /** SIGKILL. */
  kill(): void {
    this.isAlive = false;
    this.process.stop();
    for (const socket of this.sockets) socket.terminate();
  }

  /** SIGSTOP: nothing of it moves, its connections stay. */
  freeze(): void {
    this.process.isFrozen = true;
    for (const socket of this.sockets) this.#cluster.network.frozen.add(socket);
  }

  /** SIGCONT. */
  thaw(): void {
    for (const socket of this.sockets) this.#cluster.network.frozen.delete(socket);
    this.process.thaw();
  }
}

/** Let promises go on and a few deliveries happen, not all. */
export async function shuffle(cluster: Cluster, deliveries: number): Promise<void> {
  for (let count = 0; count < deliveries; count++) {
    await turn();
    if (!cluster.network.deliverOne()) return;
  }
}
