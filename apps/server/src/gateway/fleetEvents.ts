/** @file What becomes of workers, for the log, the metrics, the supervisor, and whoever waits for the pipeline. */
import type { FleetEvents } from "@stagecoach/parallel";
import type { Logger } from "pino";
import type { Serving } from "../http/serving.ts";
import { labelsOf } from "./labelsOf.ts";
import { StageRefusedError } from "./stageRefusedError.ts";
import type { Supervisor } from "./supervisor.ts";

type EventTargets = {
  readonly serving: Serving;
  readonly supervisor: Supervisor;
  readonly log: Logger;
  readonly onUp: () => void;
  readonly onFailure: (error: Error) => void;
};

export function fleetEvents({ serving, supervisor, log, onUp, onFailure }: EventTargets): FleetEvents {
  const { metrics, topology } = serving;
  let wasUp = false;
  return {
    onJoin(worker) {
      log.info(worker, "worker joined");
      // It came too late to be told to stop, and has nothing to finish.
      if (serving.phase === "stopping") supervisor.killIfOurs(worker.workerId);
    },
    onLost(worker, reason) {
      if (serving.phase === "stopping") return;
      log.warn({ ...worker, reason }, "worker lost");
      if (worker.place !== null) {
        metrics.stageUp.set(labelsOf(worker.place), 0);
        topology.lost(worker.place, reason);
      }
      supervisor.killIfOurs(worker.workerId);
    },
    onReplicaState(replica, state, why) {
      metrics.replicaUp.set({ replica: String(replica) }, state === "up" ? 1 : 0);
      if (state === "up")
        for (let stage = 0; stage < serving.settings.stages; stage++)
          metrics.stageUp.set(labelsOf({ replica, stage }), 1);
      if (serving.phase !== "stopping") log.info({ replica, state, why }, "pipeline");
      if (state === "up") {
        wasUp = true;
        serving.problem = null;
        onUp();
      }
    },
    onRefused(worker, { code, message }) {
      log.error({ ...worker, code, message }, "a stage cannot be loaded");
      serving.problem = message;
      // Before anything has worked, trying again is of no use: say what is wrong and end. A worker from elsewhere can be mended there.
      if (!wasUp && supervisor.owns(worker.workerId)) onFailure(new StageRefusedError(code, message));
    },
    onCounters(place, growth) {
      metrics.observeWorker(place, growth);
      topology.count(place, growth);
    },
  };
}
