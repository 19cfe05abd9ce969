/** @file A thread that fills dropout masks; its data is the run's seed (maskThreads.ts). */
import { serveHelperThread } from "@stagecoach/engine/node";
import { workerData } from "node:worker_threads";
import { DropoutMasks } from "../stage/dropoutMasks.ts";
import type { MaskThreadRequest } from "./maskThreads.ts";

const masks = new DropoutMasks(workerData as number);

serveHelperThread(({ requests, batch }: MaskThreadRequest) => masks.fillAll(requests, batch));
