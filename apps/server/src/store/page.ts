/** @file Lists in pages, as OpenAI's clients ask for them: what comes after the object with this id. */

export type PageRequest = {
  /** Id of the last object of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
};

export type Page<Row> = { readonly rows: readonly Row[]; readonly hasMore: boolean };

/** @param rows - one more than the page has, where there are more */
export function pageOf<Row>(rows: readonly Row[], limit: number): Page<Row> {
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}
