export function AttentionPage() {
  return <h1>Attention</h1>;
}
