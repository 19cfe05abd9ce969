/** @file Engines as a Node process finds them. */
export { engineNames, loadEngine, type EngineName, type LoadEngineOptions } from "./engines.ts";
export {
  EngineThread,
  EngineThreadError,
  serveEngineThread,
  type ThreadMethods,
  type ThreadResult,
} from "./engineThread.ts";
export { HelperThreads, serveHelperThread, type HelperThreadsOptions } from "./helperThreads.ts";
export { loadOnnxRuntime, type LoadOptions } from "./loadOnnxRuntime.ts";
export { LoopThreads } from "./loopThreads.ts";
export { loadTfjs, tfjsVariants, type LoadTfjsOptions, type TfjsVariant } from "./loadTfjs.ts";
export { probeEngines, type EngineProbe } from "./probeEngines.ts";
export { programBeside } from "./programBeside.ts";
export { setTensorflowEnvironment, tensorflowEnvironment, type TensorflowSettings } from "./tensorflowEnvironment.ts";
