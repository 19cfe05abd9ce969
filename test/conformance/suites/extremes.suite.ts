/** @file Values at the ends of what float32 holds, and sums of many values. Expected numbers are mathematics in float64. */
import { float32, type HostTensor } from "@stagecoach/engine";
import {
  div,
  erf,
  exp,
  graphOf,
  input,
  log,
  logSoftmax,
  mean,
  sigmoid,
  softmax,
  sqrt,
  sum,
  tanh,
  type Tensor,
} from "@stagecoach/graph";
import { describe, expect } from "vitest";
import { expectClose, FLOAT32_TOLERANCE } from "../compare.ts";
import type { Conformance } from "../engine.case.ts";
import { generator, randomTensor } from "../random.ts";
import { runGraph } from "../runGraph.ts";

const LARGEST = 3.4028234663852886e38;
/** The smallest float32 of full precision. Below it a result may be rounded to zero. */
const SMALLEST_NORMAL = 1.1754943508222875e-38;

export function extremesSuite(conformance: Conformance): void {
  describe("extremes", () => {
    elementwise(conformance);
    longRows(conformance);
  });
}

type Claimed = {
  readonly apply: (x: Tensor) => Tensor;
  /** `[x, expected]` */
  readonly points: readonly (readonly [number, number])[];
  /** Allowed error: beside the expected value, and on its own. */
  readonly relative: number;
  readonly absolute: number;
};

function elementwise({ engine, claim }: Conformance): void {
  const at = (name: string, { apply, points, relative, absolute }: Claimed) =>
    claim(name, async () => {
      const x = points.map(([value]) => value);
      const graph = graphOf({ y: apply(input("x", [x.length], "float32")) });
      const { y } = await runGraph(engine(), graph, { inputs: { x: float32(x, [x.length]) } });
      points.forEach(([value, expected], place) => {
        const actual = y!.data[place]!;
        if (Number.isFinite(expected)) {
          const allowed = relative * Math.abs(expected) + absolute;
          expect(Math.abs(actual - expected), `at ${value}: ${actual} instead of ${expected}`).toBeLessThanOrEqual(
            allowed,
          );
        } else expect(actual * Math.sign(expected), `at ${value}`).toBeGreaterThan(LARGEST);
      });
    });

  at("exp keeps its relative precision from 1e-38 to 1e38, and is 0 or infinite beyond", {
    apply: exp,
    // exp(88) multiplies an error of half a unit in the last place of 88 by 88.
    points: [
      ...pointsOf([-87, -60.5, -1, -1e-6, 0, 1e-6, 1, 20.25, 88].map(Math.fround), Math.exp),
      [-200, 0],
      [-LARGEST, 0],
      [200, Infinity],
      [LARGEST, Infinity],
    ],
    relative: 2e-6,
    absolute: SMALLEST_NORMAL,
  });
  at("tanh is 1 far away, and x near 0", {
    apply: tanh,
    points: pointsOf(
      [-LARGEST, -100, -9, -5, -0.1, -1e-3, 0, 1e-3, 0.1, 5, 9, 100, LARGEST].map(Math.fround),
      Math.tanh,
    ),
    relative: 0,
    absolute: 2e-7,
  });
  at("erf is 1 far away, and 2 / sqrt(pi) x near 0", {
    apply: erf,
    points: [
      [-LARGEST, -1],
      [-6, -1],
      // DLMF 7.4.1 and tables: https://dlmf.nist.gov/7
      [-2, -0.9953222650189527],
      [-0.5, -0.5204998778130465],
      [0, 0],
      [2 ** -10, 0.001101944944416949],
      [1, 0.8427007929497149],
      [3, 0.9999779095030014],
      [6, 1],
      [LARGEST, 1],
    ],
    relative: 0,
    absolute: 3e-7,
  });
  at("sigmoid is 0 and 1 far away", {
    apply: sigmoid,
    points: pointsOf([-LARGEST, -100, -20, -1, 0, 1, 20, 100, LARGEST], (x) => 1 / (1 + Math.exp(-x))),
    relative: 0,
    absolute: 2e-7,
  });
  at("log of 0 is -infinity, and precise over the whole range", {
    apply: log,
    points: [[0, -Infinity], ...pointsOf([SMALLEST_NORMAL, 1e-10, 0.5, 1, 1e10, LARGEST].map(Math.fround), Math.log)],
    relative: 3e-7,
    absolute: 0,
  });
  at("sqrt is precise over the whole range", {
    apply: sqrt,
    points: pointsOf([0, SMALLEST_NORMAL, 1e-10, 2, 1e10, LARGEST].map(Math.fround), Math.sqrt),
    relative: 2e-7,
    absolute: 0,
  });
  at("division by 0 is infinite", {
    apply: (x) => div(1, x),
    points: [
      [0, Infinity],
      [4, 0.25],
    ],
    relative: 0,
    absolute: 0,
  });
}

function longRows({ engine, claim }: Conformance): void {
  const over = (name: string, { shape, apply, expected, tolerance = FLOAT32_TOLERANCE }: LongRow) =>
    claim(name, async () => {
      const x = { ...randomTensor(shape, generator(7)) };
      x.data.forEach((value, place) => (x.data[place] = value + 0.75));
      const graph = graphOf({ y: apply(input("x", shape, "float32")) });
      const { y } = await runGraph(engine(), graph, { inputs: { x } });
      expectClose(y!, expected(x), { tolerance });
    });

  over("the mean of 393,216 values has no error that grows with their number", {
    shape: [512, 768],
    apply: mean,
    expected: ({ data }) => float32([totalOf(data) / data.length], []),
  });
  over("the sum over 20,011 rows", {
    shape: [20_011, 3],
    // Rows added one after the other, as ONNX Runtime does, round 20,011 times: some 1e-7 times the root of that.
    tolerance: 1e-5,
    apply: (x) => sum(x, { axis: 0 }),
    expected: ({ data }) =>
      float32(
        [0, 1, 2].map((column) => totalOf(data.filter((_, place) => place % 3 === column))),
        [3],
      ),
  });
  over("softmax over 30,522 entries", {
    shape: [2, 30_522],
    apply: softmax,
    expected: (x) => perRow(x, (value, { largest, powers }) => Math.exp(value - largest) / powers),
  });
  over("logSoftmax over 30,522 entries", {
    shape: [2, 30_522],
    apply: logSoftmax,
    expected: (x) => perRow(x, (value, { largest, powers }) => value - largest - Math.log(powers)),
  });
}

const pointsOf = (values: readonly number[], f: (x: number) => number) => values.map((x) => [x, f(x)] as const);
const totalOf = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

type LongRow = {
  readonly shape: readonly number[];
  readonly tolerance?: number;
  readonly apply: (x: Tensor) => Tensor;
  readonly expected: (x: HostTensor) => HostTensor;
};

function perRow(
  { data, shape }: HostTensor,
  value: (x: number, row: { readonly largest: number; readonly powers: number }) => number,
): HostTensor {
  const width = shape.at(-1)!;
  const result = new Float32Array(data.length);
  for (let from = 0; from < data.length; from += width) {
    const row = data.slice(from, from + width);
    const largest = Math.max(...row);
    let powers = 0;
    for (const x of row) powers += Math.exp(x - largest);
    row.forEach((x, place) => (result[from + place] = value(x, { largest, powers })));
  }
  return float32(result, shape);
}
