/** @file Waiting for what comes by itself, on machines that are busy with other things. */
import { vi } from "vitest";

type Options = { readonly timeout?: number; readonly interval?: number };

/** Until the check throws no more. @param options.timeout - milliseconds; half a minute unless what is claimed is a time */
export function eventually<T>(
  check: () => T | Promise<T>,
  { timeout = 30_000, interval = 50 }: Options = {},
): Promise<T> {
  return vi.waitFor(check, { timeout, interval });
}
