/** @file Import the first of several packages that loads. */

export type Imported =
  { readonly specifier: string; readonly module: unknown } | { readonly failures: readonly string[] };

/** @returns the module (its `default` where it has one), or why each of them did not load */
export async function importFirst(specifiers: readonly string[]): Promise<Imported> {
  const failures: string[] = [];
  for (const specifier of specifiers) {
    try {
      const module = (await import(specifier)) as { readonly default?: unknown };
      return { specifier, module: module.default ?? module };
    } catch (error) {
      failures.push(`${specifier}: ${reasonOf(error)}`);
    }
  }
  return { failures };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && error.code === "ERR_MODULE_NOT_FOUND" ? "not installed" : error.message.split("\n")[0];
}
