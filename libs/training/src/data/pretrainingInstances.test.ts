/** @file Instances against google-research/bert's own program, and their statistics against formulas. */
import { describe, expect, test } from "vitest";
import { RandomSequence } from "../random/randomSequence.ts";
import {
  createPretrainingInstances,
  type Documents,
  type InstanceSettings,
  type PretrainingInstance,
} from "./pretrainingInstances.ts";
import { fixture } from "../node/data/testing/dataFixture.ts";
import { PythonRandom } from "./testing/pythonRandom.ts";

const vocabulary = {
  size: fixture.vocabulary.length,
  maskId: 4,
  frameIds: [2, 3, 0],
  continues: Uint8Array.from(fixture.vocabulary, (token) => (token.startsWith("##") ? 1 : 0)),
};
const base = { vocabulary, clsId: 2, sepId: 3 };

function inMemory(documents: readonly (readonly (readonly number[])[])[]) {
  const sentences = documents.map((document) => document.map((sentence) => Int32Array.from(sentence)));
  return { size: sentences.length, sentences: (document: number) => sentences[document]! };
}

describe("createPretrainingInstances() with Python's random numbers", () => {
  test.each(fixture.pretraining)(
    "gives the instances of google-research/bert: whole words $wholeWords, length $maxLength, short $shortSequenceProbability",
    ({ documents, instances, ...options }) => {
      const made: unknown[] = [];
      const settings = { ...base, ...options, dupeFactor: 2, random: new PythonRandom(12_345) };
      createPretrainingInstances(inMemory(documents), settings, (each, document) => {
        const [ids, positions, labels] = [each.ids, each.positions, each.labels].map((list) => Array.from(list));
        made.push({ ...each, document, ids, positions, labels });
      });
      expect(made).toEqual(instances);
    },
  );
});

/** Documents of so many sentences of so many tokens. */
function regularDocuments(numDocuments: number, numSentences: number, numTokens: number): Documents {
  const sentence = (document: number, number: number) =>
    Int32Array.from({ length: numTokens }, (_, i) => 5 + ((document * 7 + number * 3 + i) % 60));
  return {
    size: numDocuments,
    sentences: (document) => Array.from({ length: numSentences }, (_, number) => sentence(document, number)),
  };
}

function make(documents: Documents, options: Partial<InstanceSettings> = {}) {
  const made: (PretrainingInstance & { readonly document: number })[] = [];
  const settings = { ...base, maxLength: 64, maxPredictions: 20, dupeFactor: 1, ...options };
  createPretrainingInstances(documents, { ...settings, random: RandomSequence.of(5, "test") }, (instance, document) =>
    made.push({ ...instance, document }),
  );
  return made;
}

describe("createPretrainingInstances()", () => {
  const instances = make(regularDocuments(400, 40, 6));

  test("masks round(0.15 n) tokens of each instance", () => {
    for (const { ids, positions } of instances) expect(positions).toHaveLength(Math.round(ids.length * 0.15));
  });

  test("replaces 80 percent by the mask and 10 by any token, and keeps 10 (within five standard errors)", () => {
    const counts = { mask: 0, same: 0, other: 0 };
    for (const { ids, positions, labels } of instances) {
      positions.forEach((position, i) => {
        counts[ids[position] === 4 ? "mask" : ids[position] === labels[i] ? "same" : "other"]++;
      });
    }
    const total = counts.mask + counts.same + counts.other;
    const { size } = vocabulary; // one in `size` of the random tokens is the mask, one the token itself
    const expected = { mask: 0.8 + 0.1 / size, same: 0.1 + 0.1 / size, other: 0.1 - 0.2 / size };
    for (const kind of ["mask", "same", "other"] as const) {
      const error = Math.sqrt((expected[kind] * (1 - expected[kind])) / total);
      expect(Math.abs(counts[kind] / total - expected[kind])).toBeLessThan(5 * error);
    }
  });

  test("takes a random next segment two times of three for documents of two sentences: more than half", () => {
    // Half of the passes give one pair; in the others the second sentence is put back and can only be followed by another
    // document's: two random pairs. So 1 of 1.5; the standard error is 0.444 over the root of the passes.
    const passes = 1600;
    const made = make(regularDocuments(400, 2, 6), { dupeFactor: 4 });
    const share = made.filter(({ isRandomNext }) => isRandomNext).length / made.length;
    expect(Math.abs(share - 2 / 3)).toBeLessThan((5 * 0.444) / Math.sqrt(passes));
  });

  test("aims at a shorter length in a tenth of the passes", () => {
    // With sentences of one token a pair fills exactly what was aimed at, 61 unless short; 1 of 60 short ones is 61 as well.
    const longest = new Map<number, number>();
    for (const { ids, document, isRandomNext } of make(regularDocuments(1600, 300, 1))) {
      if (!isRandomNext) longest.set(document, Math.max(longest.get(document) ?? 0, ids.length));
    }
    const numShort = Array.from(longest.values()).filter((length) => length < 64).length;
    const expected = (0.1 * 59) / 60;
    const error = Math.sqrt((expected * (1 - expected)) / longest.size);
    expect(Math.abs(numShort / longest.size - expected)).toBeLessThan(5 * error);
  });

  test("never masks more than maxPredictions, nor the frame, nor a part of a word where words are whole", () => {
    for (const instance of make(regularDocuments(100, 40, 6), { wholeWords: true, maxPredictions: 3 })) {
      const { ids, positions, labels, firstSegment } = instance;
      expect(positions.length).toBeLessThanOrEqual(3);
      const original = ids.slice();
      positions.forEach((position, i) => {
        original[position] = labels[i]!;
      });
      expect([original[0], original[firstSegment - 1], original.at(-1)]).toEqual([2, 3, 3]);
      const continued = Array.from(positions, (position) => position + 1).filter(
        (next) => vocabulary.continues[original[next]!] === 1,
      );
      for (const next of continued) expect(positions).toContain(next);
    }
  });
});
