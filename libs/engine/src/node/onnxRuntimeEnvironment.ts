/** @file ONNX Runtime's settings that are read from the process's environment when its library is loaded. */

/**
 * onnxruntime 1.30 gathers events of every session, keeps them in a database in the user's cache folder (seen on Linux), and is built
 * to send them to its maker (onnxruntime/core/platform/posix/telemetry.cc). We send nobody anything: it is turned off, unless
 * `ORT_DISABLE_TELEMETRY` is set to something else already.
 *
 * A worker thread's `process.env` is a copy that native code does not see: call this on the main thread, before the engine's
 * thread starts.
 */
export function setOnnxRuntimeEnvironment(): void {
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
}
