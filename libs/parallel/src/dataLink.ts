/**
 * @file One direction of data between neighbours: frames one way, credits the other.
 *
 * A credit is room for one micro-batch at the receiver. Without a credit nothing is sent, so nothing piles up in sockets or
 * queues that nobody bounds. The end that dials says hello (who it is, which epoch); the other end checks that and welcomes
 * it; whichever end receives grants the first credits in its half of the handshake.
 *
 * **Invariant:** nothing here looks inside a tensor.
 */
import { FrameError, ProtocolError } from "./errors.ts";
import { decodeFrame, encodeFrame, type Crc32, type Frame, type FrameKind } from "./frame.ts";
import { closeCodes, type MessageSocket } from "./socket.ts";

/** What the dialing end says of itself. `stage` is its own number. */
export type LinkHello = {
  readonly replica: number;
  readonly stage: number;
  readonly epoch: number;
  /** What the dialing end does on this link. */
  readonly role: "sender" | "receiver";
};

export type LinkCounters = {
  bytesSent: number;
  bytesReceived: number;
  framesSent: number;
  framesReceived: number;
  /** Time that frames waited for a credit. */
  waitedMs: number;
};

export type DataLinkOptions = {
  readonly crc32: Crc32;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Micro-batches that this end can hold when it receives. */
  readonly credits: number;
};

const blank = { run: 0, epoch: 0, step: 0, microBatch: 0, attempt: 0, meta: {}, tensors: [] } as const;

export class DataLink {
  readonly counters: LinkCounters = { bytesSent: 0, bytesReceived: 0, framesSent: 0, framesReceived: 0, waitedMs: 0 };
  /** Settles when the link is gone, with the reason. */
  readonly closed: Promise<string>;
  readonly #socket: MessageSocket;
  readonly #options: DataLinkOptions;
  #credits = 0;
  #waiting: {
    readonly frame: Frame;
    readonly since: number;
    readonly sent: () => void;
    readonly failed: (error: Error) => void;
  }[] = [];
  #closeReason: string | null = null;
  #settleClosed: (reason: string) => void = () => {};
  #onFrame: ((frame: Frame) => void) | null = null;
  /** Frames that came before anybody listened: they can follow the handshake in one packet. */
  #early: Frame[] = [];
  #onCredit: () => void = () => {};
  #handshake: ((frame: Frame) => void) | null = null;

  private constructor(socket: MessageSocket, options: DataLinkOptions) {
    this.#socket = socket;
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    socket.onClose(({ code, reason }) =>
      this.#end(reason === "" ? `connection to ${socket.peer} closed (${code})` : reason),
    );
  }

  /** Dial: say hello, wait for the welcome. @throws ProtocolError when the other end closes instead */
  static async open(socket: MessageSocket, hello: LinkHello, options: DataLinkOptions): Promise<DataLink> {
    const link = new DataLink(socket, options);
    const welcome = link.#expect("welcome");
    link.#write({
      ...blank,
      kind: "hello",
      epoch: hello.epoch,
      meta: { ...hello, credits: hello.role === "receiver" ? options.credits : 0 },
    });
    link.#credits = creditsOf(await welcome);
    return link;
  }

  /**
   * Be dialed: wait for the hello, let `verify` accept or refuse it.
   * @param verify - throws ProtocolError to refuse; its message goes to the other end
   */
  static async accept(
    socket: MessageSocket,
    verify: (hello: LinkHello) => void,
    options: DataLinkOptions,
  ): Promise<{ readonly link: DataLink; readonly hello: LinkHello }> {
    const link = new DataLink(socket, options);
    const frame = await link.#expect("hello");
    const hello = readHello(frame);
    try {
      verify(hello);
    } catch (error) {
      link.close(error instanceof Error ? error.message : String(error), closeCodes.staleEpoch);
      throw error;
    }
    link.#credits = creditsOf(frame);
    link.#write({
      ...blank,
      kind: "welcome",
      epoch: hello.epoch,
      meta: { credits: hello.role === "sender" ? options.credits : 0 },
    });
    return { link, hello };
  }

  /** Frames that arrive, in order. */
  onFrame(listener: (frame: Frame) => void): void {
    this.#onFrame = listener;
    for (const frame of this.#early.splice(0)) listener(frame);
  }

  /** Called when credits arrive. */
  onCredit(listener: () => void): void {
    this.#onCredit = listener;
  }

  /** Micro-batches that may be sent at once. */
  get credits(): number {
    return this.#closeReason === null ? Math.max(0, this.#credits - this.#waiting.length) : 0;
  }

  /** Send when there is a credit. Resolves once the frame is with the socket; rejects when the link goes first. */
  send(frame: Frame): Promise<void> {
    return new Promise((sent, failed) => {
      this.#waiting.push({ frame, since: this.#options.now(), sent, failed });
      this.#flush();
    });
  }

  /** Allow the other end to send `count` more micro-batches. */
  grant(count: number): void {
    if (this.#closeReason === null) this.#write({ ...blank, kind: "credit", meta: { credits: count } });
  }

  close(reason: string, code: number = closeCodes.normal): void {
    this.#socket.close(code, reason.slice(0, 100));
    this.#end(reason);
  }

  #flush(): void {
    while (this.#credits > 0 && this.#closeReason === null) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#credits--;
      this.counters.waitedMs += this.#options.now() - next.since;
      this.counters.framesSent++;
      this.#write(next.frame);
      next.sent();
    }
    if (this.#closeReason !== null) this.#rejectWaiting();
  }

  #write(frame: Frame): void {
    const bytes = encodeFrame(frame, this.#options.crc32);
    this.counters.bytesSent += bytes.length;
    this.#socket.send(bytes);
  }

  /** The next frame must be the other half of the handshake; after it, messages go to `#receive`. */
  #expect(kind: FrameKind): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#handshake = (frame) => {
        this.#handshake = null;
        if (frame.kind === kind) resolve(frame);
        else this.#violate(`expected a ${kind} frame first, got ${frame.kind}`);
      };
      void this.closed.then((reason) => reject(new ProtocolError(`link to ${this.#socket.peer}: ${reason}`)));
      this.#socket.onMessage((message) => this.#receive(message));
    });
  }

  #receive(message: string | Uint8Array): void {
    if (this.#closeReason !== null) return;
    if (typeof message === "string") return this.#violate("expected binary frames, got text");
    this.counters.bytesReceived += message.length;
    let frame: Frame;
    try {
      frame = decodeFrame(message, this.#options.crc32);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      return this.#violate(error.message);
    }
    if (this.#handshake !== null) return this.#handshake(frame);
    if (frame.kind === "credit") {
      this.#credits += creditsOf(frame);
      this.#flush();
      this.#onCredit();
      return;
    }
    if (frame.kind === "hello" || frame.kind === "welcome") return this.#violate(`a second ${frame.kind} frame`);
    this.counters.framesReceived++;
    if (this.#onFrame === null) this.#early.push(frame);
    else this.#onFrame(frame);
  }

  #violate(what: string): void {
    this.close(`protocol violation: ${what}`, closeCodes.protocolViolation);
  }

  #end(reason: string): void {
    if (this.#closeReason !== null) return;
    this.#closeReason = reason;
    this.#rejectWaiting();
    this.#settleClosed(reason);
  }

  #rejectWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { failed } of waiting)
      failed(new ProtocolError(`link to ${this.#socket.peer} is closed: ${this.#closeReason}`));
  }
}

const MAX_CREDITS = 1024;

function creditsOf(frame: Frame): number {
  const { credits } = frame.meta;
  if (typeof credits !== "number" || !Number.isInteger(credits) || credits < 0 || credits > MAX_CREDITS) {
    throw new ProtocolError(
      `link: expected 0 to ${MAX_CREDITS} credits in a ${frame.kind} frame, got ${JSON.stringify(credits)}`,
    );
  }
  return credits;
}

function readHello(frame: Frame): LinkHello {
  const { replica, stage, role } = frame.meta;
  if (typeof replica !== "number" || typeof stage !== "number" || (role !== "sender" && role !== "receiver")) {
    throw new ProtocolError(`link: a hello frame must name replica, stage and role, got ${JSON.stringify(frame.meta)}`);
  }
  return { replica, stage, role, epoch: frame.epoch };
}
