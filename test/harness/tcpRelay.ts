/** @file A wire between two programs that a test can cut without either end being told, and listen in on. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class TcpRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #recorded: Buffer[] = [];
  #isStalled = false;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer((near) => {
      const far = connect(target);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.once("close", () => this.#sockets.delete(from));
        this.#join(from, to);
        if (this.#isStalled) from.pause();
      }
    });
  }

  /** @param listen.host - loopback when left out */
  static async start(
    target: { readonly host: string; readonly port: number },
    listen: { readonly host?: string; readonly port?: number } = {},
  ): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(listen.port ?? 0, listen.host ?? "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Everything that went over the wire, both ways. */
  recorded(): Buffer {
    return Buffer.concat(this.#recorded);
  }

  /** From now on nothing gets through, and nobody is told. */
  stall(): void {
    this.#isStalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What waited goes on its way. */
  heal(): void {
    this.#isStalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(from: Socket, to: Socket): void {
    from.on("data", (chunk: Buffer) => {
      this.#recorded.push(chunk);
      to.write(chunk);
    });
    // While the wire is cut, the end of one side does not reach the other either: a paused socket does not see it.
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
  }
}
