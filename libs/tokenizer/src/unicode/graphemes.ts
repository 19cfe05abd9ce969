/**
 * @file Extended grapheme clusters (Unicode Standard Annex 29), which the Precompiled normalizer works on.
 *
 * `Intl.Segmenter` decides, but only around characters that can join a neighbour; most characters never do, and those are
 * told apart once per character.
 */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const segmentCount = (text: string) => Array.from(segmenter.segment(text)).length;

/** Letters to try a character against: they join with what can join with any letter. */
const latin = "a";
const devanagari = "\u0915";

const solitary = new Map<number, boolean>();

/** Whether a code point is a cluster of its own whatever stands next to it (unless that neighbour is not solitary). */
export function isSolitary(codePoint: number): boolean {
  if (codePoint < 0x300) {
    return codePoint !== 0x0a && codePoint !== 0x0d && codePoint !== 0xa9 && codePoint !== 0xae && codePoint !== 0xad;
  }
  let known = solitary.get(codePoint);
  if (known === undefined) {
    known = observe(String.fromCodePoint(codePoint));
    solitary.set(codePoint, known);
  }
  return known;
}

function observe(char: string): boolean {
  const probes = [latin + char, char + latin, devanagari + char, char + devanagari, char + char];
  const isEmojiBase = /^[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}]$/u.test(char);
  const isHangul = /^[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7ff]$/u.test(char);
  return !isEmojiBase && !isHangul && probes.every((probe) => segmentCount(probe) === 2);
}

/** Calls `visit(start, end)` for each cluster of `text`, in order. */
export function forEachGrapheme(text: string, visit: (start: number, end: number) => void): void {
  let i = 0;
  while (i < text.length) {
    const end = i + (text.codePointAt(i)! > 0xffff ? 2 : 1);
    if (isSolitary(text.codePointAt(i)!) && (end >= text.length || isSolitary(text.codePointAt(end)!))) {
      visit(i, end);
      i = end;
      continue;
    }
    const regionEnd = endOfJoiningRegion(text, i);
    for (const { segment, index } of segmenter.segment(text.slice(i, regionEnd))) {
      visit(i + index, i + index + segment.length);
    }
    i = regionEnd;
  }
}

/** End of the run that starts at `start` and goes on as long as one of two neighbours is not solitary. */
function endOfJoiningRegion(text: string, start: number): number {
  let i = start;
  let previousIsSolitary = false;
  while (i < text.length) {
    const codePoint = text.codePointAt(i)!;
    const alone = isSolitary(codePoint);
    if (alone && previousIsSolitary) return i;
    previousIsSolitary = alone;
    i += codePoint > 0xffff ? 2 : 1;
  }
  return text.length;
}
