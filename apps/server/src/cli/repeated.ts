/** @file Flags that may be given several times. */

/** A parser for commander: the values in order. */
export const repeated = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];
