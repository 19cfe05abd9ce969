/** @file Bytes of a tensor, for comparisons without tolerance. */
import type { HostTensor } from "@stagecoach/engine";

/** Base64, so that a test that fails prints something short. */
export function bytesOf({ data }: HostTensor): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}
