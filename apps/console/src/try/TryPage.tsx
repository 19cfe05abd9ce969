export function TryPage() {
  return <h1>Try</h1>;
}
