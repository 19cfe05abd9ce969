import { describe, expect, test } from "vitest";
import { fieldsOf, parseValue } from "./hyperparameterFields.ts";

describe("fieldsOf()", () => {
  test("reads kinds, words and descriptions from a JSON schema", () => {
    const properties = {
      n_epochs: { anyOf: [{ type: "string", const: "auto" }, { type: "integer" }], description: "passes" },
      micro_batches: {
        anyOf: [
          { type: "string", const: "auto" },
          { anyOf: [{ type: "string", const: "by-length" }, { type: "integer" }] },
        ],
      },
      optimizer: { type: "string", enum: ["adamw", "lamb"] },
      freeze: { type: "array", items: { type: "string" } },
      class_weights: { anyOf: [{ type: "string", const: "balanced" }, { type: "object" }] },
      recompute: { type: "boolean" },
      metric_for_best_model: { type: "string" },
    };
    const fields = fieldsOf({ components: { schemas: { Hyperparameters: { properties } } } });
    expect(fields.map(({ name, kind, words }) => [name, kind, words])).toEqual([
      ["n_epochs", "integer", ["auto"]],
      ["micro_batches", "integer", ["auto", "by-length"]],
      ["optimizer", "choice", ["adamw", "lamb"]],
      ["freeze", "list", []],
      ["class_weights", "object", ["balanced"]],
      ["recompute", "flag", []],
      ["metric_for_best_model", "text", []],
    ]);
    expect(fields[0]!.description).toBe("passes");
  });
});

describe("parseValue()", () => {
  test.each([
    ["integer", " 3 ", 3],
    ["integer", "auto", "auto"],
    ["number", "5e-5", 0.00005],
    ["flag", "false", false],
    ["list", "embeddings, encoder.layer.0", ["embeddings", "encoder.layer.0"]],
    ["list", "64, 32", [64, 32]],
    ["object", '{"yes": 2}', { yes: 2 }],
  ] as const)("reads a field of the kind %s: %j", (kind, text, value) => {
    expect(parseValue({ kind, words: ["auto"] }, text)).toEqual({ value });
  });

  test.each([
    ["integer", "3.5", 'expected a whole number or "auto", got "3.5"'],
    ["number", "many", 'expected a number or "auto", got "many"'],
    ["flag", "yes", 'expected true or false, got "yes"'],
    ["choice", "sgd", 'expected one of auto, got "sgd"'],
  ] as const)("says what is wrong with a field of the kind %s: %j", (kind, text, problem) => {
    expect(parseValue({ kind, words: ["auto"] }, text)).toEqual({ problem });
  });
});
