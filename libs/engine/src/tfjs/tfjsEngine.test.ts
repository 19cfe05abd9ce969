/** @file What the engine keeps alive, with a stand-in for tfjs that counts tensors. Its values are tested in test/conformance. */
import { add, exp, graphOf, input } from "@stagecoach/graph";
import { describe, expect, test } from "vitest";
import { hostParameters, runToHost } from "../engine.ts";
import { float32 } from "../hostTensor.ts";
import type { TfData, TfModule, TfTensor } from "./tf.ts";
import { createTfjsEngine } from "./tfjsEngine.ts";

/** Vectors, exp and add, and how many tensors live. */
function countingTf() {
  const count = { live: 0, peak: 0 };
  const make = (values: TfData): TfTensor => {
    count.live += 1;
    count.peak = Math.max(count.peak, count.live);
    const shape = [values.length];
    const dispose = () => void (count.live -= 1);
    return { shape, dtype: "float32", data: () => Promise.resolve(values), dataSync: () => values, dispose };
  };
  const tf = {
    getBackend: () => "counting",
    tidy: (compute: () => TfTensor) => compute(),
    tensor: make,
    clone: (x: TfTensor) => make(x.dataSync()),
    exp: (x: TfTensor) => make(x.dataSync().map(Math.exp)),
    add: (a: TfTensor, b: TfTensor) => make(a.dataSync().map((value, place) => value + b.dataSync()[place])),
  };
  return { tf: tf as unknown as TfModule, count };
}

describe("createTfjsEngine()", () => {
  test("a long chain holds two values at a time", async () => {
    const { tf, count } = countingTf();
    const engine = createTfjsEngine(tf, { name: "counting", description: "counts" });
    const x = input("x", ["T"], "float32");
    let y = x;
    for (let step = 0; step < 20; step++) y = exp(add(y, y));
    const executable = await engine.compile(graphOf({ y }), hostParameters({}));
    await runToHost(executable, { x: float32([-Infinity], [1]) });
    expect(count).toEqual({ live: 0, peak: 2 });
  });
});
