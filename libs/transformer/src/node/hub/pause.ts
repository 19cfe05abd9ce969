/** @file Waiting that can be called off. */
import { setTimeout as sleep } from "node:timers/promises";

/** Wait; throws the reason of `signal` when that ends first. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
