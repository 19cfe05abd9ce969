/**
 * @file Pairs of segments for masked-LM and next-sentence prediction, as google-research/bert's create_pretraining_data.py
 * (commit eedf571) makes them. Draws are made in the same order, so that the same generator gives the same instances; what
 * is put into random order at the end is left to the order of the run.
 */
import { maskCounted, type MaskCountedOptions, type MaskRandom } from "./masking.ts";

/** Tokenized sentences, none of them empty, of documents that have at least one. */
export type Documents = {
  readonly size: number;
  sentences(document: number): readonly Int32Array[];
};

export type PretrainingOptions = Omit<MaskCountedOptions, "vocabulary"> & {
  /** Passes over the documents, each with other draws; default 10. */
  readonly dupeFactor?: number | undefined;
  /** Share of passes over a document that aim at a shorter length; default 0.1. */
  readonly shortSequenceProbability?: number | undefined;
};

export type PretrainingInstance = {
  /** With the frame, and with tokens masked. */
  readonly ids: Int32Array;
  readonly firstSegment: number;
  readonly isRandomNext: boolean;
  readonly positions: Int32Array;
  readonly labels: Int32Array;
};

export type InstanceSettings = PretrainingOptions &
  Pick<MaskCountedOptions, "vocabulary"> & {
    readonly maxLength: number;
    readonly clsId: number;
    readonly sepId: number;
  };

/** Tokens of the frame: one before, one between, one behind. */
const frameTokens = 3;

/**
 * Documents are put into random order, then gone through `dupeFactor` times. There should be two at least: with one, a
 * random sentence can only be of the same document.
 *
 * @param emit - takes each instance with the number of the document that its first segment is of
 */
export function createPretrainingInstances(
  documents: Documents,
  { random, ...settings }: InstanceSettings & { readonly random: MaskRandom },
  emit: (instance: PretrainingInstance, document: number) => void,
): void {
  const order = random.shuffle(Int32Array.from({ length: documents.size }, (_, document) => document));
  const shuffled = { size: documents.size, sentences: (index: number) => documents.sentences(order[index]!) };
  for (let pass = 0; pass < (settings.dupeFactor ?? 10); pass++) {
    order.forEach((document, index) => {
      const cutter = new DocumentCutter(shuffled, index, { settings, random });
      for (const pair of cutter.pairs()) emit(framed(pair, settings, random), document);
    });
  }
}

type Pair = { readonly first: readonly number[]; readonly second: readonly number[]; readonly isRandomNext: boolean };

/** One pass over a document (`create_instances_from_document`). */
class DocumentCutter {
  readonly #documents: Documents;
  readonly #index: number;
  readonly #random: MaskRandom;
  readonly #maxTokens: number;
  readonly #target: number;

  constructor(
    documents: Documents,
    index: number,
    { settings, random }: { readonly settings: InstanceSettings; readonly random: MaskRandom },
  ) {
    this.#documents = documents;
    this.#index = index;
    this.#random = random;
    this.#maxTokens = settings.maxLength - frameTokens;
    const isShort = random.uniform() < (settings.shortSequenceProbability ?? 0.1);
    this.#target = isShort ? random.between(2, this.#maxTokens) : this.#maxTokens;
  }

  *pairs(): Generator<Pair> {
    const document = this.#documents.sentences(this.#index);
    let chunk: Int32Array[] = [];
    let length = 0;
    for (let i = 0; i < document.length; i++) {
      chunk.push(document[i]!);
      length += document[i]!.length;
      if (i < document.length - 1 && length < this.#target) continue;
      const { numUnused, ...pair } = this.#pairOf(chunk);
      yield pair;
      i -= numUnused;
      chunk = [];
      length = 0;
    }
  }

  /** Divides sentences in two; with a random second segment the rest of them is put back. */
  #pairOf(chunk: readonly Int32Array[]): Pair & { readonly numUnused: number } {
    const random = this.#random;
    const numFirst = chunk.length >= 2 ? random.between(1, chunk.length - 1) : 1;
    const first = joined(chunk.slice(0, numFirst));
    const isRandomNext = chunk.length === 1 || random.uniform() < 0.5;
    const second = isRandomNext ? this.#randomNext(this.#target - first.length) : joined(chunk.slice(numFirst));
    this.#trim(first, second);
    return { first, second, isRandomNext, numUnused: isRandomNext ? chunk.length - numFirst : 0 };
  }

  #randomNext(targetLength: number): number[] {
    const random = this.#random;
    let other = this.#index;
    for (let tries = 0; tries < 10 && other === this.#index; tries++) {
      other = random.between(0, this.#documents.size - 1);
    }
    const document = this.#documents.sentences(other);
    const tokens: number[] = [];
    for (let i = random.between(0, document.length - 1); i < document.length; i++) {
      tokens.push(...document[i]!);
      if (tokens.length >= targetLength) break;
    }
    return tokens;
  }

  /** Cuts the longer segment (the second, if equal) at either end until both fit. */
  #trim(first: number[], second: number[]): void {
    while (first.length + second.length > this.#maxTokens) {
      const longer = first.length > second.length ? first : second;
      if (this.#random.uniform() < 0.5) longer.shift();
      else longer.pop();
    }
  }
}

function joined(sentences: readonly Int32Array[]): number[] {
  return sentences.flatMap((sentence) => Array.from(sentence));
}

function framed(pair: Pair, settings: InstanceSettings, random: MaskRandom): PretrainingInstance {
  const { clsId, sepId } = settings;
  const ids = Int32Array.of(clsId, ...pair.first, sepId, ...pair.second, sepId);
  const masked = maskCounted(ids, settings, random);
  return { ...masked, firstSegment: pair.first.length + 2, isRandomNext: pair.isRandomNext };
}
