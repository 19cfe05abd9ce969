/** @file Which error of the operating system it was. */

/**
 * Whether `error` is one of Node's system errors with one of the given codes (`ENOENT`, ...); without codes: any of
 * them.
 */
export function isSystemError(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  return codes.length === 0 ? /^E[A-Z0-9]+$/.test(error.code) : codes.includes(error.code);
}
