import { describe, expect, test } from "vitest";
import { DTypeError, ShapeError } from "./errors.ts";
import { add } from "./operations/arithmetic.ts";
import { arrayFor, constant, expectDType, expectShape, input, valuesOf, withScope } from "./tensor.ts";

describe("constant()", () => {
  test("makes a number a tensor of rank 0", () => {
    expect(constant(2)).toMatchObject({ shape: [], dtype: "float32" });
    expect([...valuesOf(constant(7, [], "int32"))]).toEqual([7]);
  });
  test("rejects values that do not fill the shape", () => {
    expect(() => constant(Float32Array.of(1, 2), [3])).toThrow(ShapeError);
  });
});

describe("arrayFor()", () => {
  test("stores bool as 0 and 1", () => {
    expect([...arrayFor("bool", [0, 2, -1, 0.5])]).toEqual([0, 1, 1, 1]);
  });
});

describe("withScope()", () => {
  test("marks what is recorded inside, and nests", () => {
    const x = input("x", [1], "float32");
    const inner = withScope("encoder", () => withScope("layer.3", () => add(x, 1)));
    expect(inner.scope).toBe("encoder.layer.3");
    expect(add(x, 1).scope).toBe("");
  });
  test("ends when the trace throws", () => {
    expect(() =>
      withScope("broken", () => {
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(input("x", [1], "float32").scope).toBe("");
  });
});

describe("expectShape()", () => {
  test("accepts anything in the place of undefined", () => {
    expect(() => expectShape("norm", input("x", ["T", 3], "float32"), [undefined, 3])).not.toThrow();
  });
  test("says what was expected and what came", () => {
    expect(() => expectShape("norm: weight", input("w", [4], "float32"), [3])).toThrow(
      "norm: weight: expected shape [3], got [4]",
    );
  });
});

describe("expectDType()", () => {
  test("rejects another data type", () => {
    expect(() => expectDType("index", input("x", [1], "float32"), "int32")).toThrow(DTypeError);
  });
});
