/**
 * @file Sockets in memory, with a network between them that delivers one thing at a time, in an order that a test chooses.
 *
 * As ws does it: messages of one socket stay in order; a close comes after what was sent before it; the end that closes hears
 * of it once the other end has answered; `terminate` cuts at once, and what was under way may be lost.
 */
import { setImmediate } from "node:timers/promises";
import { closeReason, type MessageSocket, type SocketClose } from "../socket.ts";
import { Random } from "./random.ts";

type Parcel =
  | { readonly kind: "message"; readonly message: string | Uint8Array }
  | { readonly kind: "close"; readonly close: SocketClose };

/** Everything that is on its way to one end. */
type Wire = { readonly to: MemorySocket; readonly parcels: Parcel[] };

export class MemoryNetwork {
  readonly #wires: Wire[] = [];
  readonly #random: Random;
  /** Sockets whose process stands still: what is sent to them waits. */
  readonly frozen = new Set<MemorySocket>();
  /** Sockets that were closed at this end, and whose other end can't answer. */
  readonly #abandoned = new Set<MemorySocket>();

  constructor(random = new Random(1)) {
    this.#random = random;
  }

  /** The two ends of a connection; names are for people. */
  pair(left: string, right: string): [MemorySocket, MemorySocket] {
    const ends: [MemorySocket, MemorySocket] = [new MemorySocket(this, right), new MemorySocket(this, left)];
    const [toLeft, toRight] = ends.map((to): Wire => ({ to, parcels: [] })) as [Wire, Wire];
    this.#wires.push(toLeft, toRight);
    ends[0].connect({ out: toRight, back: toLeft });
    ends[1].connect({ out: toLeft, back: toRight });
    return ends;
  }

  /** Sockets that are not closed yet. */
  get numOpen(): number {
    return this.#wires.filter(({ to }) => !to.isClosed).length;
  }

  /** Deliver what is next on one of the wires; false when nothing is under way. */
  deliverOne(): boolean {
    const ready = this.#wires.filter(({ to, parcels }) => parcels.length > 0 && !this.frozen.has(to));
    if (ready.length === 0) return false;
    const { to, parcels } = this.#random.pick(ready);
    to.take(parcels.shift()!);
    for (let index = this.#wires.length - 1; index >= 0; index--) {
      const wire = this.#wires[index]!;
      if (wire.to.isClosed && wire.parcels.length === 0) this.#wires.splice(index, 1);
    }
    return true;
  }

  /** Sockets that were closed and got no answer give up waiting for it, as ws does after 30 s. */
  expireCloses(): void {
    for (const socket of this.#abandoned) socket.take({ kind: "close", close: { code: 1006, reason: "" } });
    this.#abandoned.clear();
  }

  /** Called by a socket whose close nobody will answer. */
  abandon(socket: MemorySocket): void {
    this.#abandoned.add(socket);
  }

  /** Deliver until nothing is under way and nobody has anything to do. */
  async settle(maxDeliveries = 100_000): Promise<void> {
    await turn();
    for (let count = 0; this.deliverOne(); count++) {
      if (count > maxDeliveries) throw new Error("the network does not come to rest");
      await turn();
    }
  }
}

/** Let every promise that can go on do so. */
export const turn = (): Promise<void> => setImmediate();

export class MemorySocket implements MessageSocket {
  readonly peer: string;
  /** What was sent, for tests that look at it. */
  readonly sent: (string | Uint8Array)[] = [];
  /** Nothing gets through any more, in either direction, and neither end hears of it. */
  isSilent = false;
  #state: "open" | "closing" | "closed" = "open";
  #out!: Wire;
  #back!: Wire;
  #onMessage: ((message: string | Uint8Array) => void) | null = null;
  #onClose: ((close: SocketClose) => void) | null = null;
  #early: (string | Uint8Array)[] = [];
  #closed: SocketClose | null = null;

  readonly #network: MemoryNetwork;

  constructor(network: MemoryNetwork, peer: string) {
    this.#network = network;
    this.peer = peer;
  }

  connect({ out, back }: { readonly out: Wire; readonly back: Wire }): void {
    this.#out = out;
    this.#back = back;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** How the connection ended; null while it has not. */
  get ending(): SocketClose | null {
    return this.#closed;
  }

  get other(): MemorySocket {
    return this.#out.to;
  }

  send(message: string | Uint8Array, onSent: () => void = () => {}): void {
    if (this.#state !== "open") return;
    // Copies: the two ends share no memory, and the sender may use its own again.
    const copy = () => (typeof message === "string" ? message : message.slice());
    this.sent.push(copy());
    this.#push({ kind: "message", message: copy() });
    onSent();
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    if (this.isSilent) this.#network.abandon(this);
    this.#push({ kind: "close", close: { code, reason: closeReason(reason) } });
  }

  terminate(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#back.parcels.splice(0, Infinity, { kind: "close", close: { code: 1006, reason: "" } });
    this.#push({ kind: "close", close: { code: 1006, reason: "" } });
  }

  /** As when the connection breaks between the two: both ends hear of it, what was under way is lost. */
  cut(): void {
    for (const end of [this, this.other]) {
      end.#back.parcels.splice(0, Infinity, { kind: "close", close: { code: 1006, reason: "" } });
    }
  }

  /** Both directions swallow everything from now on. */
  silence(): void {
    for (const end of [this, this.other]) {
      end.isSilent = true;
      if (end.#state === "closing") this.#network.abandon(end);
      end.#back.parcels.splice(0);
    }
  }

  onMessage(listener: (message: string | Uint8Array) => void): void {
    this.#onMessage = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  onClose(listener: (close: SocketClose) => void): void {
    this.#onClose = listener;
    if (this.#closed !== null) listener(this.#closed);
  }

  /** Called by the network. */
  take(parcel: Parcel): void {
    if (parcel.kind === "message") {
      if (this.#state === "closed") return;
      if (this.#onMessage === null) this.#early.push(parcel.message);
      else this.#onMessage(parcel.message);
      return;
    }
    if (this.#closed !== null) return;
    if (this.#state === "open" && parcel.close.code !== 1006) this.#push(parcel);
    this.#state = "closed";
    this.#closed = parcel.close;
    this.#onClose?.(parcel.close);
  }

  #push(parcel: Parcel): void {
    if (!this.isSilent) this.#out.parcels.push(parcel);
  }
}
