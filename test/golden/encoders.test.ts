/** @file Encoders against PyTorch on every engine that npm brings; tfjs-node: test/interop. */
import { describe } from "vitest";
import { encoderCases } from "./encoderCases.ts";
import { engines } from "./engines.ts";

describe.each(Object.keys(engines))("encoders on %s", (name) => {
  encoderCases(engines[name]!);
});
