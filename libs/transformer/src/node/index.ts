/** @file What needs Node: checkpoints on disk and the Hugging Face hub. */
export type { DownloadProgress, DownloadState } from "./hub/downloadSnapshot.ts";
export { HubError } from "./hub/errors.ts";
export type { HubErrorCode, UnavailableReason } from "./hub/errors.ts";
export type { NetworkLimits } from "./hub/hubRequest.ts";
export type { Environment } from "./hub/hubSettings.ts";
export { PACKAGED_MODEL, packagedModelFolder } from "./packagedModel.ts";
export { resolveModel } from "./hub/resolveModel.ts";
export type { ResolvedModel, ResolveModelOptions } from "./hub/resolveModel.ts";
export { isDiskFull } from "./isDiskFull.ts";
export { contentFingerprint, layoutFingerprint, stagesFingerprint } from "./modelFingerprint.ts";
export { ADAPTER_BASE, expectAdapterBase, findAdapterBase, readAdapterBase, type AdapterBase } from "./adapterBase.ts";
export { ADAPTER_CONFIG, ADAPTER_WEIGHTS, isAdapterFolder } from "./isAdapterFolder.ts";
export { jsonReader } from "./jsonReader.ts";
export { openModelFolder, openWholeWeights, type ModelFolder, type OpenFolderOptions } from "./openModelFolder.ts";
export { openSafetensors } from "./openSafetensors.ts";
export { syncFolder } from "./syncFolder.ts";
export { writeSafetensors } from "./writeSafetensors.ts";
export type { TensorToWrite } from "./writeSafetensors.ts";
