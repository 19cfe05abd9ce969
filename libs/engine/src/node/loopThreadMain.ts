/** @file A thread that runs parts of loops (loopThreads.ts). */
import { runLoop, type LoopTask } from "../loops/loopRunner.ts";
import { serveHelperThread } from "./helperThreads.ts";

serveHelperThread((tasks: readonly LoopTask[]) => tasks.forEach(runLoop));
