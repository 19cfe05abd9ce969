/** @file What a full disk looks like. */
import { isSystemError } from "./isSystemError.ts";

/** Also where another process, or an engine, has said so in words. */
export function isDiskFull(error: unknown): boolean {
  if (isSystemError(error, "ENOSPC", "EDQUOT")) return true;
  return error instanceof Error && /\b(ENOSPC|EDQUOT)\b/.test(error.message);
}
