/** @file What a pipeline needs of Node: sockets, the engine's thread, time. */
export { after, crc32, every, newId, now, unixNow } from "./clock.ts";
export { measureModelCosts, type MeasureOptions } from "./measureModelCosts.ts";
export { StageLanes } from "./stageLanes.ts";
export type { LoadRequest, LoadResult } from "./threadMessages.ts";
export {
  describeTracing,
  startTracing,
  type ProcessTracer,
  type RequestSpan,
  type Tracing,
} from "./tracing/startTracing.ts";
export {
  dialSocket,
  isEveryAddress,
  isLoopback,
  listenForSockets,
  MIN_TOKEN_LENGTH,
  type DialOptions,
  type Listener,
  type ListenOptions,
  type ListenPath,
} from "./wsSocket.ts";
