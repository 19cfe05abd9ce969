/** @file A TCP connection that says exactly what a test wants it to say, for requests that no HTTP client would send. */
import { connect, type Socket } from "node:net";

export class RawConnection implements Disposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  /** Resolves when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])));
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    // A reset is an end like any other here: `closed` tells.
    socket.on("error", () => {});
  }

  /** @param url - of the server; its path does not matter */
  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: false });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new RawConnection(socket);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  write(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  received(): string {
    return this.#received.toString("latin1");
  }

  /** What was received, once it matches. */
  async until(pattern: RegExp, timeoutMs = 10_000): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    while (!pattern.test(this.received())) {
      if (performance.now() > deadline) throw new Error(`expected ${pattern}, got ${JSON.stringify(this.received())}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.received();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** Head of a request whose body is `contentLength` bytes long, or chunked when there is no length. */
export function requestHead(path: string, contentLength?: number): string {
  const length = contentLength === undefined ? "Transfer-Encoding: chunked" : `Content-Length: ${contentLength}`;
  return `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n${length}\r\n\r\n`;
}
