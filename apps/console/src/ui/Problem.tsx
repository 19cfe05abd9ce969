/** @file An error, where its result would have been. */

export function Problem({ error }: { readonly error: unknown }) {
  return (
    <p className="is-bad" role="alert">
      {error instanceof Error ? error.message : String(error)}
    </p>
  );
}
