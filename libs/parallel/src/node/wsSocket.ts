/**
 * @file Message sockets over ws: listening and dialing, plain on one machine, TLS with a pre-shared key between machines.
 *
 * The join token opens both: it goes into the `Authorization` header of the upgrade, and off loopback it is also the key of
 * TLS-PSK (RFC 4279, RFC 7905: ECDHE_PSK with ChaCha20-Poly1305), which authenticates both sides to each other without certificates
 * and keeps what was sent secret even when the token leaks later. TLS 1.2, since Node has no external PSK in TLS 1.3.
 *
 * Client frames are masked with zeros: masks protect proxies from scripts in browsers, which these links have neither of, and
 * cost three quarters of the throughput.
 */
import { createHash, hkdfSync, timingSafeEqual } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer, type RawData } from "ws";
import { ProtocolError } from "../errors.ts";
import { closeReason, type MessageSocket, type SocketClose } from "../socket.ts";

const PSK_IDENTITY = "stagecoach";
const PSK_CIPHER = "ECDHE-PSK-CHACHA20-POLY1305";
const tlsVersion = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers: PSK_CIPHER } as const;

/** A token must be worth as a key: this many characters at least. */
export const MIN_TOKEN_LENGTH = 32;

const HANDSHAKE_TIMEOUT_MS = 10_000;

export type ListenOptions = {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  /** TLS also on loopback, where a tunnel may carry the port elsewhere. Off loopback there is always TLS. */
  readonly secure?: boolean;
  /** What to do with connections to each path, and the largest message that they may carry. */
  readonly paths: Readonly<Record<string, ListenPath>>;
};

export type ListenPath = {
  /** Asked for each connection, since a worker learns the size of its frames when it is assigned a stage. */
  readonly maxMessageBytes: () => number;
  readonly accept: (socket: MessageSocket) => void;
};

export type Listener = {
  readonly port: number;
  /** URL of a path as a peer on `host` dials it. */
  readonly urlOf: (path: string, host?: string) => string;
  readonly close: () => Promise<void>;
};

/** Whether traffic to this host stays on this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether this host stands for every address of a machine: one can listen there, and nobody elsewhere can dial it. */
export function isEveryAddress(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/**
 * Listen for workers. Plain WebSockets on a loopback host, TLS-PSK on any other.
 * @throws ProtocolError for a token that is too short to be a key
 */
export async function listenForSockets({ host, port, token, secure, paths }: ListenOptions): Promise<Listener> {
  const isSecure = secure === true || !isLoopback(host);
  if (isSecure) expectStrongToken(token);
  const key = keyOf(token);
  const server = isSecure
    ? createHttpsServer({
        ...tlsVersion,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        pskIdentityHint: PSK_IDENTITY,
        pskCallback: (_, identity) => (identity === PSK_IDENTITY ? key : null),
      })
    : createHttpServer();
  const targets = new Map(Object.entries(paths));
  const connections = new Set<Socket>();
  server.on("connection", (connection: Socket) => {
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
  });
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // What stands there comes from somebody who has shown no token yet: it need not be a URL.
    const target = targets.get((request.url ?? "").split("?", 1)[0]!);
    if (target === undefined) return refuse(stream, "404 Not Found");
    if (!hasToken(request, token)) return refuse(stream, "401 Unauthorized");
    const options = { noServer: true, maxPayload: target.maxMessageBytes(), perMessageDeflate: false };
    new WebSocketServer({ ...options, clientTracking: false }).handleUpgrade(request, stream, head, (socket) => {
      target.accept(adapt(socket, `${request.socket.remoteAddress}:${request.socket.remotePort}`));
    });
  });
  server.on("request", (_, response) =>
    response.writeHead(426, { connection: "close" }).end("this port speaks WebSocket\n"),
  );
  server.headersTimeout = HANDSHAKE_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  const { port: boundPort } = server.address() as AddressInfo;
  return {
    port: boundPort,
    urlOf: (path, peerHost = host) =>
      `${isSecure ? "wss" : "ws"}://${peerHost.includes(":") ? `[${peerHost}]` : peerHost}:${boundPort}${path}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      // Also those that never said anything, which a server would wait for.
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

export type DialOptions = { readonly token: string; readonly maxMessageBytes: number };

/**
 * Connect to a listener.
 * @throws ProtocolError when it cannot be reached, refuses the token, or does not have it itself
 */
export function dialSocket(url: string, { token, maxMessageBytes }: DialOptions): Promise<MessageSocket> {
  const isSecure = url.startsWith("wss:");
  if (!isSecure && !isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ""))) {
    return Promise.reject(
      new ProtocolError(
        `dial ${url}: expected wss:// for a host other than this one (the token would be sent in the clear)`,
      ),
    );
  }
  const secure = isSecure
    ? {
        ...tlsVersion,
        pskCallback: () => ({ psk: keyOf(token), identity: PSK_IDENTITY }),
        checkServerIdentity: () => undefined,
      }
    : {};
  const socket = new WebSocket(url, {
    ...secure,
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    generateMask: (mask) => void mask.fill(0),
  });
  return new Promise((resolve, reject) => {
    const adapted = adapt(socket, url);
    socket.once("open", () => resolve(adapted));
    socket.once("error", (cause) => reject(new ProtocolError(`dial ${url}: ${explain(cause)}`, { cause })));
  });
}

function explain(cause: Error): string {
  if (cause.message.endsWith("server response: 401"))
    return "the join token was refused (--token or STAGECOACH_JOIN_TOKEN must be the gateway's)";
  if (/bad record mac|decrypt|handshake failure/i.test(cause.message))
    return `the join token is not the gateway's (${cause.message.split(":").at(-2) ?? "TLS"})`;
  return cause.message;
}

function adapt(socket: WebSocket, peer: string): MessageSocket {
  let onMessage: ((message: string | Uint8Array) => void) | null = null;
  let onClose: ((close: SocketClose) => void) | null = null;
  const early: (string | Uint8Array)[] = [];
  let closed: SocketClose | null = null;
  socket.on("message", (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer; // binaryType "nodebuffer": one Buffer per message
    const message = isBinary ? owned(bytes) : bytes.toString("utf8");
    if (onMessage === null) early.push(message);
    else onMessage(message);
  });
  let failure = "";
  // A close follows every error; it carries what the error said.
  socket.on("error", (error) => (failure = error.message));
  socket.on("close", (code, reason) => {
    closed = { code, reason: reason.length > 0 ? reason.toString("utf8") : failure };
    onClose?.(closed);
  });
  return {
    peer,
    send(message, onSent) {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(message, { binary: typeof message !== "string" }, (error) => error ?? onSent?.());
    },
    close: (code, reason) => socket.close(code, closeReason(reason)),
    terminate: () => socket.terminate(),
    onMessage(listener) {
      onMessage = listener;
      for (const message of early.splice(0)) listener(message);
    },
    onClose(listener) {
      onClose = listener;
      if (closed !== null) listener(closed);
    },
  };
}

/**
 * A message that came in one packet with others is a piece of what was read from the connection. It gets memory of its own:
 * receivers give theirs away to other threads, and look at tensors without copying, which takes an aligned start.
 */
function owned(bytes: Buffer): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

function keyOf(token: string): Buffer {
  return Buffer.from(hkdfSync("sha256", token, "", "stagecoach link key 1", 32));
}

function expectStrongToken(token: string): void {
  if (token.length < MIN_TOKEN_LENGTH) {
    throw new ProtocolError(
      `join token: expected at least ${MIN_TOKEN_LENGTH} characters off loopback, got ${token.length} (openssl rand -hex 32 makes one)`,
    );
  }
}

/** Compared by digest, so that neither content nor length shows in the time it takes. */
function hasToken(request: IncomingMessage, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ""), digest(`Bearer ${token}`));
}

function refuse(stream: Duplex, status: string): void {
  // Whoever is refused may be gone already, or never go: neither is of interest.
  stream.on("error", () => {}).once("finish", () => stream.destroy());
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
