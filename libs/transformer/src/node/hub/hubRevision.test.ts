import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hubRevision } from "./hubRevision.ts";
import { defaultLimits } from "./hubRequest.ts";
import type { HubClient } from "./hubRequest.ts";
import { hubSettings } from "./hubSettings.ts";
import { bytesOf, FakeHub, gitHash, sha256 } from "./testing/fakeHub.ts";
import { tinyModel } from "./testing/tinyModel.ts";

let hub: FakeHub;
beforeEach(async () => {
  hub = await FakeHub.start(tinyModel);
});
afterEach(() => hub[Symbol.asyncDispose]());

const client = (more: Partial<HubClient> = {}): HubClient => ({
  id: tinyModel.id,
  revision: "main",
  settings: hubSettings({ HOME: "/none" }, { endpoint: hub.endpoint }),
  token: "hf_secret",
  limits: { ...defaultLimits, retryDelayMs: 1, idleTimeoutMs: 5_000 },
  signal: undefined,
  ...more,
});

describe("hubRevision()", () => {
  test("gives the commit and every file of all pages, large ones with SHA-256", async () => {
    const { commit, files } = await hubRevision(client());
    expect(commit).toBe(tinyModel.commit);
    const expected = Object.entries(tinyModel.files).map(([path, content]) => {
      const bytes = bytesOf(content);
      return { path, size: bytes.length, hash: path.endsWith(".safetensors") ? sha256(bytes) : gitHash(bytes) };
    });
    expect(files).toEqual(expected);
    expect(hub.requests.filter(({ path }) => path.includes("/tree/")).length).toBeGreaterThan(3);
  });

  test("does not ask what a commit is", async () => {
    await hubRevision(client({ revision: tinyModel.commit }));
    expect(hub.requests.some(({ path }) => path.includes("/revision/"))).toBe(false);
  });

  test("does not show the token to the server of a next page elsewhere", async () => {
    hub.nextPageOrigin = hub.storageOrigin;
    await expect(hubRevision(client())).rejects.toMatchObject({ code: "unexpected_response" });
    expect(hub.requests.filter(({ server }) => server === "storage").map(({ authorization }) => authorization)).toEqual([undefined]); // prettier-ignore
  });

  test("asks again while the hub is busy, three times in all", async () => {
    let refusals = 2;
    hub.refuse = () => (refusals-- > 0 ? { status: 503 } : undefined);
    expect((await hubRevision(client())).commit).toBe(tinyModel.commit);
    hub.requests.length = 0;
    hub.refuse = () => ({ status: 503 });
    await expect(hubRevision(client())).rejects.toMatchObject({ reason: "network", status: 503 });
    expect(hub.requests.length).toBe(3);
  });

  test.each(["XYZ", "0123", `${"0".repeat(39)}g`, "../../../x"])("refuses the commit %s", async (commit) => {
    hub.model = { ...tinyModel, commit };
    await expect(hubRevision(client())).rejects.toMatchObject({ code: "unexpected_response" });
  });

  test.each([-1, 1.5, 2 ** 60])("refuses a file of %d bytes", async (size) => {
    hub.announcedSizes.set("config.json", size);
    await expect(hubRevision(client())).rejects.toMatchObject({ code: "unexpected_response" });
  });

  test("stops with the reason of the signal", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(hubRevision(client({ signal }))).rejects.toThrow("enough");
  });
});
