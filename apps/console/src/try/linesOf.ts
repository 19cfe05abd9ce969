/** @file Texts that stand one on each line; lines without anything on them are none. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}
