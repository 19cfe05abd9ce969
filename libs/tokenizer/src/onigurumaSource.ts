/**
 * @file What the translation of @huggingface/tokenizers 0.2.0 from Oniguruma to JavaScript leaves out or gets wrong, put
 * into Oniguruma's own terms before it:
 *
 * - possessive quantifiers and atomic groups, by a lookahead that captures and a reference to the capture (`X++` becomes
 *   `(?=(?<p>X+))\k<p>`, which cannot give anything back); `X{n,m}+` is none in Oniguruma's Ruby syntax and is left alone;
 * - `^`, which does not match after a line end that is the end of the text.
 */

const quantifiers = new Set(["+", "*", "?"]);
const lineStart = "(?:\\A|(?<=\\n)(?!\\z))";

/** `source` as the library can translate it. */
export function translatableSource(source: string): string {
  if (!/[+*?]\+|\(\?>|\^/.test(source)) return source;
  const output = new AtomicWriter();
  for (let i = 0; i < source.length;) {
    if (source[i] === "(") {
      const isAtomic = source.startsWith("(?>", i);
      output.open(isAtomic);
      i += isAtomic ? 3 : 1;
      continue;
    }
    const next = i + atomLength(source, i);
    if (source[i] === ")") output.close();
    else output.atom(source[i] === "^" ? lineStart : source.slice(i, next));
    i = next;
    if (quantifiers.has(source[i]) && source[i + 1] === "+") {
      output.makeAtomic(source[i]);
      i += 2;
    }
  }
  return output.text;
}

/** The expression so far, and where its last atom starts. */
class AtomicWriter {
  text = "";
  #atomStart = 0;
  #numCaptures = 0;
  readonly #groups: { readonly start: number; readonly isAtomic: boolean }[] = [];

  atom(text: string): void {
    this.#atomStart = this.text.length;
    this.text += text;
  }

  open(isAtomic: boolean): void {
    this.#groups.push({ start: this.text.length, isAtomic });
    this.text += isAtomic ? "(?:" : "(";
  }

  close(): void {
    this.text += ")";
    const group = this.#groups.pop();
    if (group === undefined) return;
    this.#atomStart = group.start;
    if (group.isAtomic) this.makeAtomic("");
  }

  makeAtomic(quantifier: string): void {
    const name = `atomic${this.#numCaptures++}`;
    const body = this.text.slice(this.#atomStart) + quantifier;
    this.text = `${this.text.slice(0, this.#atomStart)}(?:(?=(?<${name}>${body}))\\k<${name}>)`;
  }
}

/** Length of the atom at `start`: an escape, a character class, or one character. */
function atomLength(source: string, start: number): number {
  if (source[start] === "\\") {
    const braced = /^\\[pPxu]\{[^}]*\}|^\\x[0-9A-Fa-f]{2}|^\\u[0-9A-Fa-f]{4}/.exec(source.slice(start, start + 80));
    return braced === null ? 2 : braced[0].length;
  }
  if (source[start] === "[") return classLength(source, start);
  return source.codePointAt(start)! > 0xffff ? 2 : 1;
}

/** Length of a character class, nested ones included; a bracket right after the opening one (or after `^`) is literal. */
function classLength(source: string, start: number): number {
  let depth = 0;
  for (let i = start; i < source.length; i++) {
    if (source[i] === "\\") {
      i++;
    } else if (source[i] === "[") {
      depth++;
      if (source[i + 1] === "^") i++;
      if (source[i + 1] === "]") i++;
    } else if (source[i] === "]" && --depth === 0) {
      return i + 1 - start;
    }
  }
  return source.length - start;
}
