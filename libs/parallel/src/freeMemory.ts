/**
 * @file Memory of a large array, given back as soon as it has served.
 *
 * Every micro-batch brings a stage some arrays of hundreds of kilobytes: hidden states in, hidden states out, the frame on its
 * way. A collector that finds them later has by then seen tens of megabytes come, takes them for a reason to hurry, and goes
 * through the whole heap: in a stage under load, twice a second on several threads.
 */

/** @param array - nobody uses it, or another view of its memory, any more; all of them are empty afterwards */
export function freeMemory({ buffer }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
