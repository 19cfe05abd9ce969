/** @file A text cut at the ends of spans that are marked in it. Units are those of JavaScript's strings, UTF-16. */

export type Span = { readonly start: number; readonly end: number };

export type Segment<S extends Span> = {
  readonly text: string;
  readonly start: number;
  /** The mark on it; null between marks. */
  readonly span: S | null;
};

/**
 * All of the text, in pieces that are marked or not. Of spans that overlap, the one that begins first is marked whole, and the
 * other from where that ends.
 *
 * @throws RangeError for a span that is not in the text
 */
export function segmentsOf<S extends Span>(text: string, spans: readonly S[]): Segment<S>[] {
  const segments: Segment<S>[] = [];
  let at = 0;
  for (const span of spans.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const { start, end } = span;
    if (start < 0 || end > text.length || start > end)
      throw new RangeError(`expected a span within ${text.length} characters, got ${start} to ${end}`);
    if (end <= at || start === end) continue;
    if (start > at) segments.push({ text: text.slice(at, start), start: at, span: null });
    const from = Math.max(at, start);
    segments.push({ text: text.slice(from, end), start: from, span });
    at = end;
  }
  if (at < text.length) segments.push({ text: text.slice(at), start: at, span: null });
  return segments;
}
