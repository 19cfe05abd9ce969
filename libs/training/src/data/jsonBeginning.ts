/** @file The beginning of a large file of JSON as a value of its own, for a look at it. */

/** Where an entry of a list ends that whoever reads rows can do without what follows: of the list itself, or of SQuAD's articles and paragraphs. */
const dividable: readonly string[] = ["[", "{[", "{[{["];
const closing: Readonly<Record<string, string>> = { "{": "}", "[": "]" };

/**
 * `[{"a": 1}, {"a": 2}, {"a` becomes `[{"a": 1}, {"a": 2}]`. What is no JSON may stay so.
 *
 * @returns null where no entry is whole
 */
export function closedJson(text: string): string | null {
  let open = "";
  let isInString = false;
  let end = 0;
  let openAtEnd = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (isInString) {
      if (character === "\\") at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "{" || character === "[") open += character;
    else if (character === "}" || character === "]") open = open.slice(0, -1);
    else if (character === "," && dividable.includes(open)) {
      end = at;
      openAtEnd = open;
    }
  }
  if (end === 0) return null;
  const closed = Array.from(openAtEnd)
    .toReversed()
    .map((each) => closing[each]);
  return text.slice(0, end) + closed.join("");
}
