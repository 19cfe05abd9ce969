import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hubSettings, readToken } from "./hubSettings.ts";
import type { Environment } from "./hubSettings.ts";

const HOME = "/home/ada";

describe("hubSettings()", () => {
  test.each<[Environment, string]>([
    [{}, "/home/ada/.cache/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x", HF_HOME: "/h" }, "/h/hub"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/c" }, "/c"],
    [{ HUGGINGFACE_HUB_CACHE: "/c", HF_HUB_CACHE: "/d" }, "/d"],
    [{ HF_HUB_CACHE: "~/cache" }, "/home/ada/cache"],
    [{ HF_HUB_CACHE: "$DATA/a/${USER_NAME}/$UNKNOWN", DATA: "/data", USER_NAME: "ada" }, "/data/a/ada/$UNKNOWN"],
    [{ HF_HUB_CACHE: "" }, "/home/ada/.cache/huggingface/hub"],
  ])("finds the cache as huggingface_hub does: %j", (env, expected) => {
    expect(hubSettings({ HOME, ...env }).cacheFolder).toBe(expected);
  });

  test("takes options before the environment", () => {
    const env = { HOME, HF_HUB_CACHE: "/c", HF_ENDPOINT: "https://mirror.example", HF_HUB_OFFLINE: "1" };
    expect(hubSettings(env, { cacheFolder: "/o", endpoint: "http://127.0.0.1:1", offline: false })).toMatchObject({
      cacheFolder: "/o",
      endpoint: "http://127.0.0.1:1",
      isOffline: false,
    });
    expect(hubSettings(env)).toMatchObject({ endpoint: "https://mirror.example", isOffline: true });
  });

  test.each([
    [undefined, false],
    ["", false],
    ["0", false],
    ["false", false],
    ["1", true],
    ["True", true],
    ["yes", true],
    ["ON", true],
  ])("HF_HUB_OFFLINE=%s means %s", (value, expected) => {
    expect(hubSettings({ HOME, HF_HUB_OFFLINE: value }).isOffline).toBe(expected);
  });

  test("keeps the path of an endpoint and drops its last slash", () => {
    expect(hubSettings({ HOME, HF_ENDPOINT: "https://host/api/hf/" }).endpoint).toBe("https://host/api/hf");
    expect(hubSettings({ HOME }).endpoint).toBe("https://huggingface.co");
  });

  test.each(["huggingface.co", "ftp://host", "https://user:secret@host", "https://host/?a=1", "::"])(
    "refuses the endpoint %s and shows no password",
    (endpoint) => {
      expect(() => hubSettings({ HOME, HF_ENDPOINT: endpoint })).toThrow(
        expect.objectContaining({
          code: "invalid_hub_setting",
          message: expect.not.stringContaining("secret") as string,
        }),
      );
    },
  );
});

describe("readToken()", () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "readToken-"));
    await writeFile(join(home, "token"), "hf_file\n");
  });
  afterAll(() => rm(home, { recursive: true }));

  test("takes the given token, then HF_TOKEN, then the file of hf auth login", async () => {
    const env = { HOME, HF_HOME: home };
    const settings = hubSettings(env);
    expect(await readToken({ ...env, HF_TOKEN: " hf_env\r\n" }, settings, "hf_given")).toBe("hf_given");
    expect(await readToken({ ...env, HF_TOKEN: " hf_env\r\n" }, settings)).toBe("hf_env");
    expect(await readToken(env, settings)).toBe("hf_file");
    expect(await readToken({ ...env, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, settings)).toBeUndefined();
    expect(await readToken({}, hubSettings({ HOME, HF_HOME: join(home, "none") }))).toBeUndefined();
  });
});
