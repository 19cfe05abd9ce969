/** @file ONNX Runtime's settings that are read from the process's environment when its library is loaded. */

/**
 * From 1.30 on, onnxruntime's Linux and macOS builds gather events of every session, keep them in a database in the user's cache
 * folder and send them to their maker (onnxruntime/core/platform/posix/telemetry.cc). We send nobody anything: it is turned off,
 * unless `ORT_DISABLE_TELEMETRY` is set to something else already.
 *
 * A worker thread's `process.env` is a copy that native code does not see: call this on the main thread, before the engine's
 * thread starts.
 */
export function setOnnxRuntimeEnvironment(): void {
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
}
