/** @file Questions for evaluation, kept where examples are kept: contexts may be larger than memory. */
import { DataError } from "./dataError.ts";
import { ExampleStore, maxExampleWords, type PieceStorage } from "./exampleStore.ts";
import type { Question } from "./tasks/questionAnswering.ts";

const none = new Int32Array(0);

export class QuestionStore {
  readonly #store: ExampleStore;

  constructor(storage: PieceStorage) {
    this.#store = new ExampleStore(storage);
  }

  get size(): number {
    return this.#store.size;
  }

  /** @throws DataError "data_value" for a context that is too long */
  add(question: Question): void {
    const text = new TextEncoder().encode(JSON.stringify(question));
    const words = new Int32Array(Math.ceil(text.length / 4));
    if (words.length > maxExampleWords) {
      const message = `expected a context of at most ${maxExampleWords * 4} bytes, got ${text.length} (divide it)`;
      throw new DataError("data_value", message);
    }
    new Uint8Array(words.buffer).set(text);
    this.#store.add({ ids: words, firstSegment: text.length, target: none });
  }

  get(index: number): Question {
    const { ids, firstSegment } = this.#store.get(index);
    const bytes = new Uint8Array(ids.slice().buffer, 0, firstSegment);
    return JSON.parse(new TextDecoder().decode(bytes)) as Question;
  }

  close(): void {
    this.#store.close();
  }
}
