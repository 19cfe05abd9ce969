/** @file Ids of texts seen before. Bounded: when it is full it starts anew. */
import { detached } from "./unicode/characters.ts";

const maxEntries = 65_536;
/** Longer texts are not kept (UTF-16 units). */
const maxKeyUnits = 48;
const maxIds = 64;

export class IdCache {
  readonly #ids = new Map<string, Int32Array>();

  get(text: string): Int32Array | undefined {
    return this.#ids.get(text);
  }

  /** Whether a text is short enough to be kept. */
  accepts(text: string): boolean {
    return text.length <= maxKeyUnits;
  }

  set(text: string, ids: Int32Array): void {
    if (!this.accepts(text) || ids.length > maxIds) return;
    if (this.#ids.size >= maxEntries) this.#ids.clear();
    this.#ids.set(detached(text), ids);
  }
}
