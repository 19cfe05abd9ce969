/** @file A thread that fills dropout masks; its data is the run's seed (maskThreads.ts). */
import { parentPort, workerData } from "node:worker_threads";
import { DropoutMasks } from "../stage/dropoutMasks.ts";
import type { MaskThreadRequest } from "./maskThreads.ts";

if (parentPort === null) throw new Error("internal: this program runs as a worker thread");
const port = parentPort;
const masks = new DropoutMasks(workerData as number);

port.on("message", ({ requests, batch }: MaskThreadRequest) => {
  masks.fillAll(requests, batch);
  port.postMessage(null);
});
