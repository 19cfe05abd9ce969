import { afterEach, describe, expect, test } from "vitest";
import { setTensorflowEnvironment, tensorflowEnvironment } from "./tensorflowEnvironment.ts";

const names = Object.keys(tensorflowEnvironment({ threads: 1 }));
const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));

afterEach(() => {
  for (const name of names) delete process.env[name];
  Object.assign(process.env, Object.fromEntries(Object.entries(before).filter(([, value]) => value !== undefined)));
});

describe("setTensorflowEnvironment()", () => {
  test("sets the thread count and turns oneDNN off", () => {
    for (const name of names) delete process.env[name];
    expect(setTensorflowEnvironment({ threads: 3 })).toEqual([]);
    expect(process.env).toMatchObject({ TF_NUM_INTRAOP_THREADS: "3", TF_ENABLE_ONEDNN_OPTS: "0" });
  });
  test("leaves what the user has set", () => {
    process.env["TF_NUM_INTRAOP_THREADS"] = "7";
    process.env["TF_ENABLE_ONEDNN_OPTS"] = "1";
    setTensorflowEnvironment({ threads: 3 });
    expect(process.env).toMatchObject({ TF_NUM_INTRAOP_THREADS: "7", TF_ENABLE_ONEDNN_OPTS: "1" });
  });
});
