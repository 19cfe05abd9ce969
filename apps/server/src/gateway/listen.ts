/** @file The HTTP server around the application: its limits against slow and silent clients. */
import type { Express } from "express";
import { createServer, type Server } from "node:http";
import { limitBodies } from "../http/bodyTimeouts.ts";
import { answerConnectionErrors } from "../http/connectionErrors.ts";

/** Time for a request's headers: connections that send nothing are closed after it. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Idle time of a kept connection; above the 60 s of common load balancers. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** How often connections are held against these limits. */
const CHECK_INTERVAL_MS = 1000;

/** A port that cannot be listened on. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code = "cannot_listen";

  /** @param place.flag - the setting that chooses the port */
  constructor(place: { readonly host: string; readonly port: number; readonly flag: string }, cause: Error) {
    const isTaken = "code" in cause && cause.code === "EADDRINUSE";
    const hint = isTaken
      ? `another program listens there; choose another ${place.flag}, or 0 for a free one`
      : cause.message;
    super(`cannot listen on ${place.host}:${place.port}: ${hint}`, { cause });
  }
}

type ListenOptions = {
  readonly host: string;
  readonly port: number;
  /** Seconds for the body of a request, for an upload from one byte to the next: bodies that never end are cut off after it. */
  readonly bodyTimeout: number;
  /** Told of the status of each answer to what is not HTTP, or not a whole request. */
  readonly onUnreadable: (status: number) => void;
};

/** @throws ListenError when the port is taken or not allowed */
export function listen(app: Express, options: ListenOptions): Promise<Server> {
  const { host, port, bodyTimeout, onUnreadable } = options;
  const bodyTimeoutMs = bodyTimeout * 1000;
  const server = createServer(
    {
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, bodyTimeoutMs),
      // Of all requests alike; limitBodies tells uploads apart.
      requestTimeout: 0,
      // The application refuses what has none: Node's answer to it has no body, and nobody counts it.
      requireHostHeader: false,
    },
    app,
  );
  limitBodies(server, bodyTimeoutMs);
  answerConnectionErrors(server, { bodyTimeoutSeconds: bodyTimeout, onUnreadable });
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(new ListenError({ host, port, flag: "--port" }, cause)));
    server.listen(port, host, () => resolve(server));
  });
}
