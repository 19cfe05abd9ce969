import { describe, expect, test } from "vitest";
import { curlCommand, uploadCommand } from "./commands.ts";

describe("curlCommand()", () => {
  test("quotes for a POSIX shell, also an apostrophe", () => {
    expect(curlCommand("http://host:1/predict", { json: { inputs: "it's" }, needsKey: false })).toBe(
      `curl http://host:1/predict -d '{"inputs":"it'\\''s"}'`,
    );
  });

  test("names the key's variable, and never a key", () => {
    expect(curlCommand("http://host/", { needsKey: true })).toBe(
      'curl http://host/ -H "Authorization: Bearer $STAGECOACH_API_KEY"',
    );
  });
});

test("uploadCommand() uploads by the file's name", () => {
  expect(uploadCommand("http://host/v1/files", "my data.csv", false)).toBe(
    "curl http://host/v1/files -F purpose=fine-tune -F 'file=@my data.csv'",
  );
});
