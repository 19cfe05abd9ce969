/** @file SQuAD's files (versions 1.1 and 2.0: articles, paragraphs, questions) as flat rows. */
import { DataError, describeValue } from "./dataError.ts";
import type { DataRow } from "./dataRow.ts";

/** Whether a file's value is laid out like SQuAD's. */
export function isSquad(value: unknown): value is { readonly data: readonly unknown[] } {
  return typeof value === "object" && value !== null && "data" in value && Array.isArray(value.data);
}

/**
 * One row a question: id, context, question, answers as `{ text: [...], answer_start: [...] }`.
 *
 * @throws DataError "data_format" that names the place, for example `data[0].paragraphs[2].qas[1]`
 */
export function squadRows(file: { readonly data: readonly unknown[] }, name: string): DataRow[] {
  const rows: DataRow[] = [];
  for (const article of each(file, { key: "data", file: name, path: "" })) {
    for (const paragraph of each(article.value, { key: "paragraphs", file: name, path: article.path })) {
      for (const qa of each(paragraph.value, { key: "qas", file: name, path: paragraph.path })) {
        const { answers, is_impossible: isImpossible, ...rest } = qa.value;
        const list = isImpossible === true ? [] : answers;
        rows.push({ line: undefined, values: { ...rest, context: paragraph.value.context, answers: list } });
      }
    }
  }
  return rows;
}

type JsonObject = Readonly<Record<string, unknown>>;
type Place = { readonly key: string; readonly file: string; readonly path: string };

function each(parent: JsonObject, { key, file, path }: Place): { value: JsonObject; path: string }[] {
  const list = parent[key];
  const where = path === "" ? key : `${path}.${key}`;
  if (!Array.isArray(list)) {
    throw new DataError("data_format", `expected a list, got ${describeValue(list)}`, { file, column: where });
  }
  return list.map((value: unknown, i) => {
    const itemPath = `${where}[${i}]`;
    if (typeof value !== "object" || value === null) {
      throw new DataError("data_format", `expected an object, got ${describeValue(value)}`, { file, column: itemPath });
    }
    return { value: value as JsonObject, path: itemPath };
  });
}
