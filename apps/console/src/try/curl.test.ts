import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { curlOf } from "./curl.ts";

/** What a shell makes of the command's words. */
function wordsOf(command: string): string[] {
  const program = `curl() { for word; do printf '%s\\0' "$word"; done; }; ${command}`;
  const output = execFileSync("sh", ["-c", program], { env: { STAGECOACH_API_KEY: "key of the shell" } });
  return output.toString().split("\0").slice(0, -1);
}

describe("curlOf()", () => {
  test("a shell reads the body as it is, with quotes, line ends, dollars and backslashes", () => {
    const body = { inputs: ['it\'s "quoted"', "$HOME `ls` \\n", "two\nlines", "Café 😀"] };
    const words = wordsOf(curlOf({ origin: "http://localhost:8080", route: "/embed", body, needsKey: false }));
    expect(words.slice(0, -1)).toEqual(["http://localhost:8080/embed", "-H", "content-type: application/json", "-d"]);
    expect(JSON.parse(words.at(-1)!)).toEqual(body);
  });

  test("the key comes from the shell's environment", () => {
    const words = wordsOf(curlOf({ origin: "http://localhost", route: "/predict", body: {}, needsKey: true }));
    expect(words).toContain("Authorization: Bearer key of the shell");
  });
});
