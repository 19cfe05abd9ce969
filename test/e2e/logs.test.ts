/** @file What is in the log, and what must never be. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FakeHub } from "../../libs/transformer/src/node/hub/testing/fakeHub.ts";
import { hubModel, hubModelBytes } from "../harness/hubModel.ts";
import { startServer } from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

const SECRET = "Zanzibar";

test.each(["info", "debug"])("at level %s: JSON lines without a text, a key or a name of users", async (level) => {
  await using server = await startServer({ flags: ["--log-level", level, "--api-key", "key-of-a-user"] });
  const headers = { authorization: "Bearer key-of-a-user", "x-request-id": `request-of-${level}` };
  const post = (path: string, body: unknown) => server.post(path, body, headers);
  const similarity = { inputs: { source_sentence: SECRET, sentences: [SECRET] } };
  const served = [
    await post("/v1/embeddings", { input: SECRET, user: SECRET }),
    await post("/embed", { inputs: [SECRET] }),
    await post("/embed_all", { inputs: SECRET }),
    await post("/similarity", similarity),
    await post("/tokenize", { inputs: SECRET }),
  ];
  expect(served.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const refused = [
    await post("/embed", { inputs: SECRET, [SECRET]: SECRET }),
    await post("/embed", `{"inputs":"${SECRET}`),
    await post("/v1/embeddings", { input: SECRET, model: SECRET }),
    await post("/embed", { inputs: SECRET, prompt_name: SECRET }),
    await server.post("/embed", { inputs: SECRET }, { authorization: `Bearer ${SECRET}` }),
  ];
  expect(refused.map(({ status }) => status)).toEqual([422, 400, 404, 422, 401]);
  const { pid } = server.workerPids()[0]!;
  process.kill(pid, "SIGKILL");
  expect((await post("/embed", { inputs: SECRET })).status).toBe(200);
  await eventually(() => expect(server.log()).toContain("worker ended unasked"));

  const lines = server.log().trim().split("\n");
  for (const line of lines) expect(JSON.parse(line), line).toMatchObject({ level: expect.any(Number) as number });
  expect(server.log()).not.toMatch(/Zanzibar|zanzibar|key-of-a-user/);
  expect(server.log().includes(`request-of-${level}`)).toBe(level === "debug");
});

test("a start that downloads its model logs JSON too: how much of it is here, at every tenth", async () => {
  const cache = mkdtempSync(join(tmpdir(), "stagecoach-logs-"));
  await using hub = await FakeHub.start(hubModel);
  {
    const env = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "0" };
    await using server = await startServer({ model: hubModel.id, env });
    const entries = server
      .log()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const downloads = entries.filter(({ msg }) => msg === "downloading the model");
    expect(downloads.length).toBeGreaterThan(0);
    expect(downloads.length).toBeLessThanOrEqual(11);
    expect(downloads.at(-1)).toMatchObject({ bytes: hubModelBytes, totalBytes: hubModelBytes, level: 30 });
  }
  rmSync(cache, { recursive: true, force: true });
});
