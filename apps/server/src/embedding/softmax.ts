/** @file Logits as probabilities, of exclusive classes and of each for itself. */

export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
