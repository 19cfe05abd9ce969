import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { copyModel, editJson } from "../harness/modelFolders.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { startServer } from "../harness/startServer.ts";

test("a token that the model was not resized for is refused by its id, as text and as ids", async () => {
  const word = "<unembedded>";
  const { vocab_size: id } = JSON.parse(readFileSync(join(tinyEncoder, "config.json"), "utf8")) as {
    vocab_size: number;
  };
  using model = copyModel((folder) => {
    const path = join(folder, "tokenizer.json");
    const { added_tokens: tokens } = JSON.parse(readFileSync(path, "utf8")) as { added_tokens: object[] };
    editJson(path, { added_tokens: [...tokens, { ...tokens[0], id, content: word }] });
  });
  await using other = await startServer({ model: model.folder });
  for (const input of [`a ${word}`, [5, id]]) {
    const response = await other.post("/embed", { inputs: [input] });
    expect(response.status).toBe(422);
    expect(((await response.json()) as { error: string }).error).toContain(
      `token ids below ${id}, the size of the model's embedding table, got ${id}`,
    );
  }
  expect((await other.post("/embed", { inputs: "a" })).status).toBe(200);
});
