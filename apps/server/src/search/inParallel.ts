/** @file Work that is done by so many at a time. */

/** In order of the list. After a failure nothing more is begun, what was begun is awaited, and the first error thrown. */
export async function inParallel<Item>(
  items: readonly Item[],
  numWorkers: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined && failures.length === 0; item = waiting.shift())
      await work(item).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: numWorkers }, worker));
  if (failures.length > 0) throw failures[0];
}
