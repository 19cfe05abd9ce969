/** @file Where a gateway takes workers' connections: control, and data of first and last stages. */
import { closeCodes, type Fleet, type MessageSocket } from "@stagecoach/parallel";
import { isLoopback, listenForSockets, type Listener } from "@stagecoach/parallel/node";
import type { Logger } from "pino";
import type { ServeSettings } from "../config/settings.ts";
import { ListenError } from "./listen.ts";
import { workerPaths } from "./workerPaths.ts";

const CONTROL_MESSAGE_BYTES = 1 << 20;

/** @throws ListenError when the port is taken */
export function listenForWorkers({
  settings,
  token,
  maxFrameBytes,
  fleet,
  log,
}: {
  readonly settings: ServeSettings;
  readonly token: string;
  readonly maxFrameBytes: number;
  readonly fleet: { current: Fleet | null };
  readonly log: Logger;
}): Promise<Listener> {
  if (!isLoopback(settings.workerHost) && settings.joinToken === undefined)
    log.info("workers join with a token made for this start; set --join-token to choose it");
  return listenForSockets({
    host: settings.workerHost,
    port: settings.workerPort,
    token,
    paths: workerPaths({
      fleet,
      whyNone: "the gateway is starting or stopping; join again",
      maxControlBytes: CONTROL_MESSAGE_BYTES,
      maxFrameBytes,
      log,
      watch: (socket) => logRefusal(socket, log),
    }),
  }).catch((cause: unknown) => {
    const { workerHost: host, workerPort: port } = settings;
    throw cause instanceof Error && "syscall" in cause
      ? new ListenError({ host, port, flag: "--worker-port" }, cause)
      : cause;
  });
}

/** What a peer said wrong on its control connection is told to the peer; those who read this log want to know as well. */
function logRefusal(socket: MessageSocket, log: Logger): MessageSocket {
  return {
    ...socket,
    close(code, reason) {
      if (code === closeCodes.protocolViolation) log.warn({ reason, peer: socket.peer }, "control connection refused");
      socket.close(code, reason);
    },
  };
}
