/** @file The HTTP server around the application: its limits against slow and silent clients. */
import type { Express } from "express";
import { createServer, type Server } from "node:http";

/** Time for a request's headers: connections that send nothing are closed after it. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Time for a whole request, body included: bodies that never end are cut off after it. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Idle time of a kept connection; above the 60 s of common load balancers. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** How often connections are held against these limits. */
const CHECK_INTERVAL_MS = 1000;

/** A port that cannot be listened on. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code = "cannot_listen";
}

/** @throws ListenError when the port is taken or not allowed */
export function listen(
  app: Express,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  const server = createServer(
    {
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    app,
  );
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const hint =
        cause.code === "EADDRINUSE"
          ? "another program listens there; choose another --port, or 0 for a free one"
          : cause.message;
      reject(new ListenError(`cannot listen on ${host}:${port}: ${hint}`, { cause }));
    });
    server.listen(port, host, () => resolve(server));
  });
}
