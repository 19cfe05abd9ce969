/**
 * @file The merging loop of BPE: always the neighbours whose merge has the lowest rank, the leftmost among equals.
 *
 * Short words are scanned again after each merge; long ones keep their candidate merges in a heap, so that a word of a
 * million symbols takes about a second. Both give the same result.
 */
import type { MergeTable } from "./mergeTable.ts";
import { MinHeap } from "./minHeap.ts";

/** The symbols of one word: ids, and their lengths in bytes of UTF-8. */
export type Symbols = { ids: Int32Array; byteLengths: Int32Array; count: number };

const maxScannedSymbols = 48;
/** Heap keys are rank * this + position: exact in float64 for 2^26 ranks and 2^27 positions. */
const positions = 2 ** 27;

/** Merges in place; `symbols.count` is the number left. */
export function mergeSymbols(symbols: Symbols, merges: MergeTable): void {
  if (symbols.count <= maxScannedSymbols) mergeByScanning(symbols, merges);
  else mergeByHeap(symbols, merges);
}

const ranks = new Int32Array(maxScannedSymbols);

function mergeByScanning(symbols: Symbols, merges: MergeTable): void {
  const { ids, byteLengths } = symbols;
  const rankAt = (i: number) => merges.rankOf(ids[i], ids[i + 1]);
  for (let i = 0; i + 1 < symbols.count; i++) ranks[i] = rankAt(i);
  for (;;) {
    let best = -1;
    for (let i = 0; i + 1 < symbols.count; i++) {
      if (ranks[i] >= 0 && (best < 0 || ranks[i] < ranks[best])) best = i;
    }
    if (best < 0) return;
    ids[best] = merges.resultOf(ranks[best]);
    byteLengths[best] += byteLengths[best + 1];
    symbols.count--;
    for (let i = best + 1; i < symbols.count; i++) {
      ids[i] = ids[i + 1];
      byteLengths[i] = byteLengths[i + 1];
      ranks[i] = ranks[i + 1];
    }
    if (best > 0) ranks[best - 1] = rankAt(best - 1);
    if (best + 1 < symbols.count) ranks[best] = rankAt(best);
  }
}

function mergeByHeap(symbols: Symbols, merges: MergeTable): void {
  const { ids, byteLengths, count } = symbols;
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  const next = Int32Array.from({ length: count }, (_, i) => (i + 1 < count ? i + 1 : -1));
  const heap = new MinHeap(count);
  const offer = (at: number) => {
    const rank = merges.rankOf(ids[at], ids[next[at]]);
    if (rank >= 0) heap.push(rank * positions + at);
  };
  for (let i = 0; i + 1 < count; i++) offer(i);
  for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
    const rank = Math.floor(key / positions);
    const at = key - rank * positions;
    const right = next[at];
    if (byteLengths[at] === 0 || right < 0) continue;
    const current = merges.rankOf(ids[at], ids[right]);
    if (current < 0 || merges.resultOf(current) !== merges.resultOf(rank)) continue;
    ids[at] = merges.resultOf(rank);
    byteLengths[at] += byteLengths[right];
    byteLengths[right] = 0;
    next[at] = next[right];
    if (next[at] >= 0) previous[next[at]] = at;
    if (previous[at] >= 0) offer(previous[at]);
    if (next[at] >= 0) offer(at);
  }
  symbols.count = 0;
  for (let i = 0; i < count; i++) {
    if (byteLengths[i] === 0) continue;
    ids[symbols.count] = ids[i];
    byteLengths[symbols.count++] = byteLengths[i];
  }
}
