/** @file Engines as a Node process finds them. */
export { loadOnnxRuntime, type LoadOptions } from "./loadOnnxRuntime.ts";
