/** @file Gradient rules against central differences in float64, on the reference engine. */
import { createReferenceEngine, hostParameters, runToHost, type Executable, type HostTensor } from "@stagecoach/engine";
import { describe, expect, test } from "vitest";
import { caseGraph } from "../caseGraph.ts";
import { largestOf } from "../compare.ts";
import { operationCases, type OperationCase } from "../fixture.ts";
import { generator } from "../random.ts";

/** Error of a central difference: `STEP^2` times the third derivative, and 1e-16 / STEP of rounding. */
const STEP = 1e-5;
const TOLERANCE = 1e-7;
/** Places of one input that are tried; all where it has no more. */
const MAX_PLACES = 40;

/** Cases without a derivative, or where the step is lost. Their gradients are compared with PyTorch's alone. */
const notDifferentiable: Readonly<Record<string, string>> = {
  "abs/gradient at 0": "a kink",
  "relu/gradient at 0": "a kink",
  "max/equal maxima share the gradient": "a kink",
  "softmax/a row of the lowest float32 alone": "the step is lost beside 3.4e38",
  "where/infinite values that are not chosen": "the step is lost beside 3.4e38",
};

export function finiteDifferencesSuite(): void {
  describe("finite differences", () => {
    for (const example of operationCases.filter(({ upstream }) => upstream !== undefined)) {
      const reason = notDifferentiable[example.name];
      const name = `${example.name}: the gradient of each input is the central difference`;
      test(`${name}${reason === undefined ? "" : ` (skipped: ${reason})`}`, async ({ skip }) => {
        skip(reason !== undefined, reason);
        expect.hasAssertions();
        await checkGradients(example);
      });
    }
  });
}

async function checkGradients(example: OperationCase): Promise<void> {
  const { graph, inputs } = caseGraph(example);
  const executable = await createReferenceEngine().compile(graph, hostParameters({}));
  const results = await runToHost(executable, inputs);
  for (const name of Object.keys(example.gradients)) {
    const gradient = results[`gradient of ${name}`]!;
    const largest = Math.max(1e-3, largestOf(gradient));
    for (const place of placesOf(inputs[name]!)) {
      const loss = (step: number) => lossAt(executable, example, { inputs: nudged(inputs, name, { place, step }) });
      const difference = ((await loss(STEP)) - (await loss(-STEP))) / (2 * STEP);
      const error = Math.abs(difference - gradient.data[place]!);
      expect(error, `${name}[${place}]: ${gradient.data[place]} against ${difference}`).toBeLessThanOrEqual(
        TOLERANCE * largest,
      );
    }
  }
}

function placesOf({ data }: HostTensor): number[] {
  const all = [...data.keys()];
  const random = generator(6);
  return all.length <= MAX_PLACES ? all : Array.from({ length: MAX_PLACES }, () => Math.floor(random() * all.length));
}

type Inputs = Readonly<Record<string, HostTensor>>;

function nudged(inputs: Inputs, name: string, { place, step }: { place: number; step: number }): Inputs {
  const tensor = inputs[name]!;
  const data = Float64Array.from(tensor.data);
  data[place]! += step;
  return { ...inputs, [name]: { ...tensor, data } };
}

/** `sum(output * upstream)` */
async function lossAt(
  executable: Executable,
  { upstream }: OperationCase,
  { inputs }: { readonly inputs: Inputs },
): Promise<number> {
  const { output } = await runToHost(executable, inputs, ["output"]);
  let loss = 0;
  output!.data.forEach((value, place) => (loss += value * upstream!.data[place]!));
  return loss;
}
