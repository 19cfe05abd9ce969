import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { curlCommand, uploadCommand } from "./curl.ts";

/** What a shell makes of the command's words. */
function wordsOf(command: string): string[] {
  const program = `curl() { for word; do printf '%s\\0' "$word"; done; }; ${command}`;
  const output = execFileSync("sh", ["-c", program], { env: { STAGECOACH_API_KEY: "key of the shell" } });
  return output.toString().split("\0").slice(0, -1);
}

describe("curlCommand()", () => {
  test("a shell reads the body as it is, with quotes, line ends, dollars and backslashes", () => {
    const json = { inputs: ['it\'s "quoted"', "$HOME `ls` \\n", "two\nlines", "Café 😀"] };
    const words = wordsOf(curlCommand("http://localhost:8080/embed", { json, needsKey: false }));
    expect(words.slice(0, -1)).toEqual(["http://localhost:8080/embed", "-d"]);
    expect(JSON.parse(words.at(-1)!)).toEqual(json);
  });

  test("the key comes from the shell's environment", () => {
    const words = wordsOf(curlCommand("http://localhost/predict", { json: {}, needsKey: true }));
    expect(words).toContain("Authorization: Bearer key of the shell");
  });

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
