/** @file The name that somebody probably meant. */

/** The known name with the fewest edits (Levenshtein) from `name`, or null when none is within a third of its length. */
export function closestName(name: string, known: readonly string[]): string | null {
  const ranked = known.map((each) => ({ each, edits: editDistance(name.toLowerCase(), each.toLowerCase()) }));
  const best = ranked.reduce<(typeof ranked)[number] | null>((a, b) => (a === null || b.edits < a.edits ? b : a), null);
  return best !== null && best.edits <= Math.max(2, name.length / 3) ? best.each : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
