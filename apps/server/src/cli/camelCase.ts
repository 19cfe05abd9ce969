/** @file The key under which commander has the value of a flag. */

/** `batch-size` is `batchSize`. */
export const camelCase = (flag: string): string =>
  flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
