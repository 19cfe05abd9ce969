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
import { freeMemory } from "./freeMemory.ts";
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
  /** Micro-batches that this end may send. */
  #credits = 0;
  /** Micro-batches that the other end may send. */
  #granted = 0;
  #waiting: {
    readonly bytes: Uint8Array;
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
    link.#granted = hello.role === "receiver" ? options.credits : 0;
    link.#write({ ...blank, kind: "hello", epoch: hello.epoch, meta: { ...hello, credits: link.#granted } });
    const frame = await welcome;
    // Added, not set: more credits may have come in the same packet.
    link.#credits += link.#orViolate(() => creditsOf(frame));
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
    const { hello, credits } = link.#orViolate(() => ({ hello: readHello(frame), credits: creditsOf(frame) }));
    try {
      verify(hello);
    } catch (error) {
      link.close(error instanceof Error ? error.message : String(error), closeCodes.staleEpoch);
      throw error;
    }
    link.#credits += credits;
    link.#granted = hello.role === "sender" ? options.credits : 0;
    link.#write({ ...blank, kind: "welcome", epoch: hello.epoch, meta: { credits: link.#granted } });
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

  /**
   * Send when there is a credit. The frame's tensors have been copied when this returns; it resolves once they are with the socket.
   * @throws ProtocolError when the link goes first; FrameError for a frame that cannot be written
   */
  send(frame: Frame): Promise<void> {
    return new Promise((sent, failed) => {
      const bytes = encodeFrame(frame, this.#options.crc32);
      this.#waiting.push({ bytes, since: this.#options.now(), sent, failed });
      this.#flush();
    });
  }

  /** Allow the other end to send `count` more micro-batches. */
  grant(count: number): void {
    if (this.#closeReason !== null) return;
    this.#granted += count;
    this.#write({ ...blank, kind: "credit", meta: { credits: count } });
  }

  close(reason: string, code: number = closeCodes.normal): void {
    this.#socket.close(code, reason);
    this.#end(reason);
  }

  #flush(): void {
    while (this.#credits > 0 && this.#closeReason === null) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#credits--;
      this.counters.waitedMs += this.#options.now() - next.since;
      this.counters.framesSent++;
      this.#writeBytes(next.bytes);
      next.sent();
    }
    if (this.#closeReason !== null) this.#rejectWaiting();
  }

  #write(frame: Frame): void {
    this.#writeBytes(encodeFrame(frame, this.#options.crc32));
  }

  #writeBytes(bytes: Uint8Array): void {
    this.counters.bytesSent += bytes.length;
    this.#socket.send(bytes, () => freeMemory(bytes));
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
    let credits = 0;
    try {
      frame = decodeFrame(message, this.#options.crc32);
      if (frame.kind === "credit") credits = creditsOf(frame);
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof ProtocolError)) throw error;
      return this.#violate(error.message);
    }
    if (this.#handshake !== null) return this.#handshake(frame);
    if (frame.kind === "credit") {
      this.#credits += credits;
      this.#flush();
      this.#onCredit();
      return;
    }
    if (frame.kind === "hello" || frame.kind === "welcome") return this.#violate(`a second ${frame.kind} frame`);
    if (this.#granted === 0) return this.#violate(`a ${frame.kind} frame without a credit`);
    this.#granted--;
    this.counters.framesReceived++;
    if (this.#onFrame === null) this.#early.push(frame);
    else this.#onFrame(frame);
  }

  /** What `read` gives; when it refuses, the other end is told before the error goes on. */
  #orViolate<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof ProtocolError) this.#violate(error.message);
      throw error;
    }
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
