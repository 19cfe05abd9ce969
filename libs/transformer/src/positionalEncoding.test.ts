import { describe, expect, test } from "vitest";
import { ModelConfigError } from "./errors.ts";
import { sinusoidalTable } from "./positionalEncoding.ts";

describe("sinusoidalTable()", () => {
  test("gives the values of transformers' create_sinusoidal_embeddings", () => {
    // transformers 5.23.0 (models/distilbert), torch 2.15.0: 5 positions, hidden size 6, as float32.
    const expected = [
      [0, 1, 0, 1, 0, 1],
      [
        0.8414709568023682, 0.5403022766113281, 0.04639922454953194, 0.9989230036735535, 0.002154432935640216,
        0.9999976754188538,
      ],
      [
        0.9092974066734314, -0.416146844625473, 0.09269849956035614, 0.9956942200660706, 0.004308856092393398,
        0.999990701675415,
      ],
      [
        0.14112000167369843, -0.9899924993515015, 0.13879810273647308, 0.9903206825256348, 0.006463258992880583,
        0.9999791383743286,
      ],
      [
        -0.756802499294281, -0.6536436080932617, 0.18459872901439667, 0.9828139543533325, 0.00861763209104538,
        0.9999628663063049,
      ],
    ];
    expect([...sinusoidalTable({ numPositions: 5, hiddenSize: 6 })]).toEqual(expected.flat());
  });

  test("turns each pair of sine and cosine by the same angle from one position to the next, the property that Vaswani et al. chose it for", () => {
    const [P, D] = [512, 64];
    const table = sinusoidalTable({ numPositions: P, hiddenSize: D });
    for (let i = 0; i < D; i += 2) {
      const frequency = 10000 ** (-i / D);
      for (let position = 0; position + 7 < P; position += 31) {
        const [sin, cos] = table.subarray(position * D + i);
        const [later, laterCos] = table.subarray((position + 7) * D + i);
        const [s, c] = [Math.sin(7 * frequency), Math.cos(7 * frequency)];
        expect(Math.abs(later! - (sin! * c + cos! * s))).toBeLessThan(2e-7);
        expect(Math.abs(laterCos! - (cos! * c - sin! * s))).toBeLessThan(2e-7);
      }
    }
  });

  test("refuses an odd hidden size", () => {
    expect(() => sinusoidalTable({ numPositions: 2, hiddenSize: 5 })).toThrow(ModelConfigError);
    expect(() => sinusoidalTable({ numPositions: 2, hiddenSize: 5 })).toThrow(/expected an even hidden size, got 5/);
  });
});
