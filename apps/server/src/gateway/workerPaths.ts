/** @file What a fleet's port takes: workers' control connections, and data links of first and last stages. */
import { closeCodes, type Fleet, type MessageSocket } from "@stagecoach/parallel";
import type { ListenOptions } from "@stagecoach/parallel/node";
import type { Logger } from "pino";

type WorkerPaths = {
  /** null while there is none: workers are sent away with `whyNone`. */
  readonly fleet: { readonly current: Fleet | null };
  readonly whyNone: string;
  readonly maxControlBytes: number;
  readonly maxFrameBytes: number;
  readonly log: Logger;
  /** Around each control connection. */
  readonly watch?: (socket: MessageSocket) => MessageSocket;
};

export function workerPaths({
  fleet,
  whyNone,
  maxControlBytes,
  maxFrameBytes,
  log,
  watch = (socket) => socket,
}: WorkerPaths): ListenOptions["paths"] {
  return {
    "/control": {
      maxMessageBytes: () => maxControlBytes,
      accept: (socket) =>
        fleet.current === null
          ? socket.close(closeCodes.goingAway, whyNone)
          : fleet.current.acceptControl(watch(socket)),
    },
    "/data": {
      maxMessageBytes: () => maxFrameBytes,
      accept: (socket) => {
        fleet.current?.acceptData(socket).catch((error: unknown) => {
          socket.terminate();
          const reason = error instanceof Error ? error.message : String(error);
          log.warn({ reason, peer: socket.peer }, "data link refused");
        });
      },
    },
  };
}
