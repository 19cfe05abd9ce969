/** @file A stage worker for tests, with a gateway and neighbours that do what the test says. */
import type { GatewayMessage, WorkerMessage } from "../control.ts";
import { DataLink, type LinkHello } from "../dataLink.ts";
import { ProtocolError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import { crc32 } from "../node/clock.ts";
import { StageWorker, type SessionEnd } from "../stageWorker.ts";
import type { Tracer } from "../tracing/tracer.ts";
import { FakeClock } from "./fakeClock.ts";
import { FakeStageHost } from "./fakeStageHost.ts";
import { MemoryNetwork, type MemorySocket } from "./memoryNetwork.ts";
import { watch } from "./work.ts";

export const heartbeatMs = 1000;
export const leaseMs = 3000;

export class WorkerScene {
  readonly network = new MemoryNetwork();
  readonly clock = new FakeClock();
  readonly process = this.clock.process();
  readonly host = new FakeStageHost(this.process);
  /** The gateway's end of each connection for data that the worker has dialed, by URL. */
  readonly dialed = new Map<string, MemorySocket>();
  /** Largest message that each of them may send. */
  readonly allowed = new Map<string, number>();
  /** URLs where nobody is. */
  readonly unreachable = new Set<string>();
  readonly worker: StageWorker;
  /** What the worker has written to its log. */
  readonly logged: { readonly event: string; readonly facts: Readonly<Record<string, unknown>> | undefined }[] = [];
  control!: MemorySocket;
  #read = 0;

  /** @param options.tracer - of a worker that records */
  constructor(options: { readonly tracer?: Tracer } = {}) {
    this.worker = new StageWorker({
      host: this.host,
      identity: { workerId: "w1", seat: null, host: "machine", pid: 3, dataUrl: "memory://w1" },
      dialData: (url, { maxMessageBytes }) => {
        this.allowed.set(url, maxMessageBytes);
        if (this.unreachable.has(url)) return Promise.reject(new ProtocolError(`dial ${url}: nobody is there`));
        const [own, other] = this.network.pair("w1", url);
        this.dialed.set(url, other);
        return Promise.resolve(own);
      },
      crc32,
      now: this.process.now,
      unixNow: this.process.now,
      every: this.process.every,
      residentBytes: () => 42,
      tracer: options.tracer,
      log: (event, facts) => this.logged.push({ event, facts }),
    });
  }

  /** Begin a session; the promise resolves when it ends. */
  serve() {
    const [own, other] = this.network.pair("w1", "gateway");
    this.control = other;
    this.#read = 0;
    return watch<SessionEnd>(this.worker.serve(own));
  }

  async join() {
    const session = this.serve();
    this.say({ kind: "welcome", leaseId: "1", heartbeatMs, leaseMs });
    await this.network.settle();
    return session;
  }

  say(message: GatewayMessage): void {
    this.control.send(JSON.stringify(message));
  }

  /** What the worker has said on its control connection since the last call. */
  heard(): WorkerMessage[] {
    const all = this.control.other.sent;
    const news = all.slice(this.#read).map((text) => JSON.parse(text as string) as WorkerMessage);
    this.#read = all.length;
    return news;
  }

  async advance(durationMs: number): Promise<void> {
    await this.network.settle();
    await this.clock.advance(durationMs, () => this.network.settle());
    await this.network.settle();
  }

  assign(place: {
    readonly stage: number;
    readonly numStages: number;
    readonly epoch: number;
    readonly credits?: number;
  }): void {
    const { stage, credits = 2 } = place;
    this.say({
      kind: "assign",
      replica: 0,
      ...place,
      layers: { start: stage, end: stage + 1 },
      model: { reference: "a/model", revision: null, fingerprint: "00" },
      engine: "fake",
      threads: 1,
      credits,
      maxFrameBytes: 1 << 20,
    });
  }

  /** The gateway's or next stage's end of what the worker has dialed. */
  async accept(url: string, credits = 64) {
    const accepting = DataLink.accept(this.dialed.get(url)!, () => {}, { crc32, now: this.clock.now, credits });
    await this.network.settle();
    return accepting;
  }

  /** Dial the worker as a neighbour does. */
  dial(hello: Partial<LinkHello> & { readonly epoch: number }) {
    const [own, other] = this.network.pair("neighbour", "w1");
    this.worker.acceptData(other).catch(() => other.terminate());
    const opening = DataLink.open(
      own,
      { replica: 0, stage: 0, role: "sender", ...hello },
      { crc32, now: this.clock.now, credits: 0 },
    );
    return { socket: own, link: watch(opening) };
  }

  /** The second of three stages, linked to its neighbours. */
  async middle() {
    this.assign({ stage: 1, numStages: 3, epoch: 1 });
    await this.network.settle();
    this.say({ kind: "connect", epoch: 1, inputUrl: null, outputUrl: "memory://out" });
    const { link } = this.dial({ epoch: 1 });
    await this.network.settle();
    const output = await this.#acceptOutput();
    return { input: link.value!, ...output };
  }

  /** The only stage of a pipeline, linked to a gateway. */
  async only({ epoch = 1, credits = 2, resultCredits = 64 } = {}) {
    this.assign({ stage: 0, numStages: 1, epoch, credits });
    await this.network.settle();
    this.say({ kind: "connect", epoch, inputUrl: "memory://in", outputUrl: "memory://out" });
    await this.network.settle();
    const { link: input } = await this.accept("memory://in");
    const output = await this.#acceptOutput(resultCredits);
    return { input, ...output };
  }

  async #acceptOutput(credits?: number) {
    const { link: output } = await this.accept("memory://out", credits);
    await this.network.settle();
    const results: Frame[] = [];
    output.onFrame((frame) => results.push(frame));
    return { output, results };
  }
}
