/** @file Tokens and their ids, read from a tokenizer file. */
import { TokenizerFileError, describe } from "../errors.ts";
import { asObject, isCount, type JsonFields } from "../jsonFields.ts";

export class Vocabulary {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens: readonly (string | undefined)[];

  /** @param ids - token to id; two tokens may share an id (the later one is then its name) */
  constructor(ids: ReadonlyMap<string, number>) {
    this.#ids = ids;
    const tokens: (string | undefined)[] = [];
    for (const [token, id] of ids) tokens[id] = token;
    this.#tokens = tokens;
  }

  /** The vocabulary in field `name`: an object from token to id. */
  static fromFields(config: JsonFields, name: string): Vocabulary {
    const object = asObject(config.object[name], config.path(name));
    const ids = new Map<string, number>();
    for (const token of Object.keys(object)) {
      const id = object[token];
      if (!isCount(id)) {
        const where = `${config.path(name)}[${JSON.stringify(token)}]`;
        throw new TokenizerFileError(where, "an id from 0 to 2147483647", { got: describe(id) });
      }
      ids.set(token, id);
    }
    return new Vocabulary(ids);
  }

  get size(): number {
    return this.#ids.size;
  }

  /** One more than the highest id. */
  get idLimit(): number {
    return this.#tokens.length;
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  entries(): IterableIterator<[string, number]> {
    return this.#ids.entries();
  }
}
