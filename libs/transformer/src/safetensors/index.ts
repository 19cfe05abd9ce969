/** @file The safetensors format: reading, converting and writing tensors, on any machine that runs JavaScript. */
export { isSafetensorsDtype, MAX_FLOAT16, safetensorsDtypes, tensorBytes } from "./dtype.ts";
export type { SafetensorsDtype } from "./dtype.ts";
export { encodeSafetensors, layoutSafetensors } from "./encodeSafetensors.ts";
export type { SafetensorsLayout, SafetensorsMetadata, SafetensorsTensor, TensorLayout } from "./encodeSafetensors.ts";
export { SafetensorsError } from "./errors.ts";
export type { SafetensorsErrorCode, SafetensorsErrorFacts } from "./errors.ts";
export { fileWeights } from "./fileWeights.ts";
export type { TensorFile } from "./fileWeights.ts";
export { parseSafetensorsHeader, safetensorsHeaderBytes } from "./parseSafetensorsHeader.ts";
export type { SafetensorsEntry, SafetensorsHeader } from "./parseSafetensorsHeader.ts";
export { toFloat32 } from "./toFloat32.ts";
export { toInt32 } from "./toInt32.ts";
export type { WeightEntry, WeightLocation, WeightSource } from "./weightSource.ts";
