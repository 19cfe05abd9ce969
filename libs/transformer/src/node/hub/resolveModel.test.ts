import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { DownloadProgress } from "./downloadSnapshot.ts";
import { PACKAGED_MODEL, packagedModelFolder } from "../packagedModel.ts";
import { resolveModel } from "./resolveModel.ts";
import type { ResolveModelOptions } from "./resolveModel.ts";
import { bytesOf, FakeHub, gitHash, sha256 } from "./testing/fakeHub.ts";
import { noise, tinyModel, wantedFiles } from "./testing/tinyModel.ts";

const { id, commit, files } = tinyModel;
let scratch: string;
let cacheFolder: string;
let hub: FakeHub;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "resolveModel-"));
});
afterAll(() => rm(scratch, { recursive: true }));
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(scratch, "cache-"));
  hub = await FakeHub.start(tinyModel);
});
afterEach(() => hub[Symbol.asyncDispose]());

const options = (more: ResolveModelOptions = {}): ResolveModelOptions => ({
  env: { HOME: scratch },
  workingFolder: scratch,
  endpoint: hub.endpoint,
  cacheFolder,
  limits: { retryDelayMs: 1, idleTimeoutMs: 5_000 },
  ...more,
});
const resolveTiny = (more: ResolveModelOptions = {}) => resolveModel(id, options(more));
const repository = () => join(cacheFolder, "models--org--tiny");
const filesIn = async (folder: string) => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).toSorted(); // prettier-ignore
};
const messageOf = async (work: Promise<unknown>) => work.then(() => "", (error: Error) => error.message); // prettier-ignore

async function folderWith(...names: string[]): Promise<string> {
  const folder = await mkdtemp(join(scratch, "model-"));
  for (const name of names) await writeFile(join(folder, name), name === "modules.json" ? "[]" : "{}");
  return folder;
}

describe("resolveModel() with a folder", () => {
  test("takes an absolute path, one relative to the working folder, and one in the home folder", async () => {
    const folder = await folderWith("config.json", "model.safetensors");
    const name = folder.slice(scratch.length + 1);
    const expected = { folder, id: name, revision: null, source: "folder" };
    for (const text of [folder, `./${name}`, name, `~/${name}`, `../${scratch.split("/").at(-1)}/${name}`]) {
      expect(await resolveModel(text, options())).toEqual(expected);
    }
    expect(hub.requests).toEqual([]);
  });

  test("takes the packaged model by its exact name before a folder of that name, which its path names", async () => {
    const packaged = { id: PACKAGED_MODEL, folder: packagedModelFolder, revision: null, source: "package" };
    await mkdir(join(scratch, PACKAGED_MODEL));
    for (const name of ["config.json", "model.safetensors"]) await writeFile(join(scratch, PACKAGED_MODEL, name), "{}");
    expect(await resolveModel(PACKAGED_MODEL, options())).toEqual(packaged);
    expect(await resolveModel(`./${PACKAGED_MODEL}`, options())).toMatchObject({ source: "folder" });
    await expect(resolveModel(PACKAGED_MODEL, options({ revision: "main" }))).rejects.toThrow(/no revisions/);
    expect(hub.requests).toEqual([]);
    await rm(join(scratch, PACKAGED_MODEL), { recursive: true });
  });

  test("refuses a revision, which a folder has not", async () => {
    const folder = await folderWith("config.json", "model.safetensors");
    const refused = resolveModel(folder, { ...options(), revision: "main" });
    await expect(refused).rejects.toMatchObject({ code: "model_folder_invalid" });
    expect(await messageOf(refused)).toContain("a folder has no revisions");
  });

  test("takes a folder named like a model on the hub before the hub", async () => {
    await mkdir(join(scratch, "org/tiny"), { recursive: true });
    await writeFile(join(scratch, "org/tiny/config.json"), "{}");
    await expect(resolveTiny()).rejects.toMatchObject({ code: "model_folder_invalid" });
    expect(await messageOf(resolveTiny())).toContain("wins over the hub's model org/tiny");
    await writeFile(join(scratch, "org/tiny/model.safetensors"), "{}");
    expect(await resolveTiny()).toMatchObject({ source: "folder", folder: join(scratch, "org/tiny") });
    await rm(join(scratch, "org"), { recursive: true });
  });

  test.each(["./nothing", "/nothing/here", "~/nothing", "a/b/c", "..", "https://huggingface.co/org/tiny"])(
    "never asks the hub about %s",
    async (text) => {
      await expect(resolveModel(text, options())).rejects.toMatchObject({ code: "model_folder_invalid" });
      expect(hub.requests).toEqual([]);
    },
  );

  test("says what a folder lacks", async () => {
    expect(await messageOf(resolveModel(await folderWith("config.json"), options()))).toContain(
      "without model.safetensors (",
    );
    expect(await messageOf(resolveModel(await folderWith("model.safetensors"), options()))).toContain(
      "without config.json (",
    );
  });

  test.each(["a--b", "a..b", ".git", "x.git", "a b", "-a", "org/", "org/-x", "", "\u00e9", "x".repeat(97)])(
    "refuses %j, which is neither a folder nor a name on the hub",
    async (text) => {
      await expect(resolveModel(text, options())).rejects.toMatchObject({
        code: expect.stringMatching(/^invalid_model_id|model_folder_invalid$/) as string,
      });
      expect(hub.requests).toEqual([]);
    },
  );

  test.each(["../main", "/etc/passwd", "a..b", "a\\b", "a b", "", "refs/../../x", "x.lock", ".hidden"].filter(Boolean))(
    "refuses the revision %j",
    async (revision) => {
      await expect(resolveTiny({ revision })).rejects.toMatchObject({ code: "invalid_model_id" });
    },
  );
});

describe("resolveModel() with a name on the hub", () => {
  test("downloads the files of the allow list and no others", async () => {
    const found = await resolveTiny();
    expect(found).toEqual({
      folder: join(repository(), "snapshots", commit),
      id,
      revision: commit,
      source: "download",
    });
    expect(await filesIn(found.folder)).toEqual(wantedFiles);
    for (const path of wantedFiles) {
      expect((await readFile(join(found.folder, path))).equals(bytesOf(files[path] ?? ""))).toBe(true);
      expect(hub.fetchesOf(path).length).toBe(1);
    }
  });

  test("lays the cache out as Python does: blobs by hash, relative links, a ref with the commit", async () => {
    const { folder } = await resolveTiny();
    const weights = sha256(bytesOf(files["model.safetensors"] ?? ""));
    const pooling = gitHash(bytesOf(files["1_Pooling/config.json"] ?? ""));
    expect(await readlink(join(folder, "model.safetensors"))).toBe(`../../blobs/${weights}`);
    expect(await readlink(join(folder, "1_Pooling/config.json"))).toBe(`../../../blobs/${pooling}`);
    expect(await readFile(join(repository(), "refs/main"), "utf8")).toBe(commit);
    expect((await readdir(join(repository(), "blobs"))).length).toBe(wantedFiles.length);
    expect(await filesIn(join(cacheFolder, ".locks"))).toEqual([]);
  });

  test("uses a complete copy without the network, by branch and by commit", async () => {
    await resolveTiny();
    hub.requests.length = 0;
    expect(await resolveTiny()).toMatchObject({ source: "cache", revision: commit });
    expect(await resolveTiny({ revision: commit })).toMatchObject({ source: "cache", revision: commit });
    expect(hub.requests).toEqual([]);
  });

  test("asks the hub what a branch points to when told to, and fetches only what changed", async () => {
    await resolveTiny();
    hub.model = {
      ...tinyModel,
      commit: "f".repeat(40),
      files: { ...files, "config.json": '{"model_type":"roberta"}' },
    };
    expect(await resolveTiny()).toMatchObject({ revision: commit });
    hub.requests.length = 0;
    const found = await resolveTiny({ refresh: true });
    expect(found).toMatchObject({ source: "download", revision: "f".repeat(40) });
    expect(await readFile(join(found.folder, "config.json"), "utf8")).toBe('{"model_type":"roberta"}');
    expect(hub.fetchesOf("model.safetensors")).toEqual([]);
    expect(await resolveTiny({ refresh: true })).toMatchObject({ source: "cache" });
  });

  test("keeps revisions apart, with slashes in their names", async () => {
    hub.revisions.add("refs/pr/1");
    await resolveTiny({ revision: "refs/pr/1" });
    expect(await readFile(join(repository(), "refs/refs/pr/1"), "utf8")).toBe(commit);
    await expect(stat(join(repository(), "refs/main"))).rejects.toThrow("ENOENT");
  });

  test("downloads the shards that the index names", async () => {
    const shards = {
      "model-00001-of-00002.safetensors": noise(1000, 2),
      "model-00002-of-00002.safetensors": noise(1000, 3),
    };
    const index = JSON.stringify({ weight_map: { a: Object.keys(shards)[0], b: Object.keys(shards)[1] } });
    const { "model.safetensors": _, ...others } = files;
    const stray = { "consolidated.safetensors": noise(10), "model.fp16.safetensors": noise(10) };
    hub.model = { ...tinyModel, files: { ...others, ...shards, ...stray, "model.safetensors.index.json": index } };
    const { folder } = await resolveTiny();
    const found = await filesIn(folder);
    expect(found.filter((path) => path.includes("safetensors"))).toEqual([
      ...Object.keys(shards),
      "model.safetensors.index.json",
    ]);
    await rm(join(folder, "model-00002-of-00002.safetensors"));
    await expect(resolveTiny({ offline: true })).rejects.toMatchObject({ reason: "offline" });
  });

  test.each(["../../evil.safetensors", "/tmp/evil.safetensors", "C:\\evil.safetensors"])(
    "refuses an index that names the shard %s",
    async (shard) => {
      const { "model.safetensors": _, ...others } = files;
      const index = JSON.stringify({ weight_map: { a: shard } });
      hub.model = { ...tinyModel, files: { ...others, "model.safetensors.index.json": index } };
      await expect(resolveTiny()).rejects.toThrow("the name of a .safetensors file in the same folder");
    },
  );

  test.each([
    "../config.json",
    "1_Pooling/../../config.json",
    "..\\config.json",
    "/config.json",
    "C:/config.json",
    "x//config.json",
  ])("refuses a repository with the file name %s, and fetches nothing", async (path) => {
    hub.model = { ...tinyModel, files: { ...files, [path]: "{}" } };
    await expect(resolveTiny()).rejects.toMatchObject({ code: "unsafe_file_name" });
    expect(await filesIn(cacheFolder)).toEqual([]);
  });

  test("says how to convert a repository without safetensors", async () => {
    const { "model.safetensors": _, ...others } = files;
    hub.model = { ...tinyModel, files: others };
    await expect(resolveTiny()).rejects.toMatchObject({ code: "model_without_safetensors" });
    const message = await messageOf(resolveTiny());
    expect(message).toContain("got flax_model.msgpack, onnx/model.onnx, pytorch_model.bin, tf_model.h5");
    expect(message).toContain('save_pretrained("folder", safe_serialization=True)');
  });

  test("reports every file and adds up to the whole", async () => {
    const reports: DownloadProgress[] = [];
    await resolveTiny({ onProgress: (progress) => reports.push(progress) });
    const total = wantedFiles.reduce((sum, path) => sum + bytesOf(files[path] ?? "").length, 0);
    expect(reports.at(-1)).toMatchObject({ bytes: total, totalBytes: total, files: 7, totalFiles: 7, state: "done" });
    expect(reports.filter(({ state }) => state === "done").map(({ file }) => file).toSorted()).toEqual(wantedFiles); // prettier-ignore
    expect(reports.every(({ bytes }, i) => bytes >= (reports[i - 1]?.bytes ?? 0))).toBe(true);
  });

  test("refuses to begin when the disk has not the room", async () => {
    hub.announcedSizes.set("model.safetensors", 2 ** 52);
    await expect(resolveTiny()).rejects.toMatchObject({ code: "disk_full" });
    expect(hub.fetchesOf("config.json")).toEqual([]);
  });

  test("completes a snapshot of which a link is gone", async () => {
    const { folder } = await resolveTiny();
    await rm(join(folder, "tokenizer.json"));
    expect(await resolveTiny()).toMatchObject({ source: "cache" });
    expect(await filesIn(folder)).toEqual(wantedFiles);
  });
});

/** What Python leaves: links to blobs and a ref, no record. */
async function pythonCache(paths: readonly string[], tree?: readonly string[]): Promise<void> {
  const folder = join(repository(), "snapshots", commit);
  for (const path of paths) {
    const bytes = bytesOf(files[path] ?? "");
    const blob = join(repository(), "blobs", path.endsWith(".safetensors") ? sha256(bytes) : gitHash(bytes));
    for (const file of [blob, join(folder, path)]) await mkdir(join(file, ".."), { recursive: true });
    await writeFile(blob, bytes);
    await symlink(blob, join(folder, path));
  }
  await mkdir(join(repository(), "refs"), { recursive: true });
  await writeFile(join(repository(), "refs/main"), commit);
  if (!tree) return;
  const entries = tree.map((path) => [path, { size: bytesOf(files[path] ?? "").length, blob_id: "0".repeat(40) }]);
  await mkdir(join(repository(), "trees"));
  await writeFile(join(repository(), `trees/${commit}.json`), JSON.stringify({ format_version: 1, files: Object.fromEntries(entries) })); // prettier-ignore
}

describe("resolveModel() with a cache that Python filled", () => {
  test("uses it without the network when Python's listing shows that it is complete for us", async () => {
    await pythonCache(wantedFiles, Object.keys(files));
    expect(await resolveTiny()).toMatchObject({ source: "cache", revision: commit });
    expect(hub.requests).toEqual([]);
  });

  test("asks the hub when there is no listing, and fetches only what is missing", async () => {
    // AutoModel and AutoTokenizer do not load modules.json, so a plausible cache may lack the pooling.
    await pythonCache(["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"]);
    expect(await resolveTiny({ offline: true })).toMatchObject({ source: "cache" });
    expect(await resolveTiny()).toMatchObject({ source: "download" });
    expect(hub.fetchesOf("model.safetensors")).toEqual([]);
    expect(hub.fetchesOf("modules.json").length).toBe(1);
  });

  test.each(["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"])(
    "does not take it for complete offline without %s",
    async (missing) => {
      await pythonCache(wantedFiles.filter((path) => path !== missing && path !== "vocab.txt"));
      const message = await messageOf(resolveTiny({ offline: true }));
      expect(message).toContain(`a copy in the cache without ${missing}`);
    },
  );
});

describe("resolveModel() when the model cannot be had", () => {
  test("offline asks no network and names the three ways out", async () => {
    for (const value of ["1", "true", "YES", "on"]) {
      const env = { HOME: scratch, HF_HUB_OFFLINE: value };
      await expect(resolveTiny({ env })).rejects.toMatchObject({ code: "model_unavailable", reason: "offline" });
    }
    const message = await messageOf(resolveTiny({ offline: true }));
    expect(message).toContain("org/tiny: expected the model in the cache or on the hub (revision main), got no copy in the cache, and offline was asked for"); // prettier-ignore
    expect(message).toMatch(/1\. Give a folder: --model .*config\.json, model\.safetensors and tokenizer\.json/);
    expect(message).toMatch(/2\. Bring the cache: run `hf download org\/tiny`/);
    expect(message).toContain("HF_HUB_CACHE");
    expect(message).toMatch(/3\. .*unset HF_HUB_OFFLINE/);
    expect(hub.requests).toEqual([]);
  });

  test.each([
    { status: 404, errorCode: "RepoNotFound", reason: "not_found", text: "no model of this name on the hub" },
    { status: 404, errorCode: "RevisionNotFound", reason: "revision_not_found", text: "no such revision" },
    { status: 401, errorCode: "RepoNotFound", reason: "unauthorized", text: "no token is set" },
    { status: 401, token: "hf_wrong", reason: "unauthorized", text: "the token is refused" },
    { status: 403, errorCode: "GatedRepo", token: "hf_right", reason: "gated", text: "a gated model" },
    { status: 401, errorCode: "GatedRepo", reason: "gated", text: "Accept the model's terms at" },
    { status: 418, reason: "network", text: "a refusal by the hub" },
  ])(
    "says what a $status $errorCode means (token: $token): $reason",
    async ({ status, errorCode, token, reason, text }) => {
      hub.refuse = () => (errorCode === undefined ? { status } : { status, errorCode });
      const work = () => resolveTiny({ token });
      await expect(work()).rejects.toMatchObject({ code: "model_unavailable", reason, status });
      const message = await messageOf(work());
      expect(message).toContain(text);
      expect(message).toMatch(/ 1\. .* 2\. .* 3\. /s);
      expect(message).not.toContain(token ?? "hf_");
      expect(hub.requests.length).toBe(2);
    },
  );

  test("names the cause of a network failure, and the mirror", async () => {
    const { endpoint } = hub;
    await hub[Symbol.asyncDispose]();
    await expect(resolveTiny({ endpoint })).rejects.toMatchObject({ reason: "network" });
    const message = await messageOf(resolveTiny({ endpoint }));
    expect(message).toContain("ECONNREFUSED");
    expect(message).toContain(`set HF_ENDPOINT (now ${endpoint})`);
  });

  test("takes a copy that may be complete when the hub is out of reach, with a warning", async () => {
    await pythonCache(wantedFiles);
    const { endpoint } = hub;
    await hub[Symbol.asyncDispose]();
    const warnings: string[] = [];
    const found = await resolveTiny({ endpoint, onWarning: (message) => warnings.push(message) });
    expect(found).toMatchObject({ source: "cache" });
    expect(warnings).toEqual([expect.stringContaining("the copy in the cache is used")]);
  });

  test.each([
    ["no JSON", "<html>sign in</html>"],
    ["JSON of something else", "[]"],
  ])("says that something else answers: %s", async (_, body) => {
    const { createServer } = await import("node:http");
    const server = createServer((_request, response) => response.end(body)).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    await expect(resolveTiny({ endpoint })).rejects.toMatchObject({ code: "unexpected_response" });
    server.close();
  });

  test("refuses a token that cannot stand in a header without showing it", async () => {
    const message = await messageOf(resolveTiny({ token: "hf_secret value" }));
    expect(message).toContain("HF_TOKEN: expected printable ASCII");
    expect(message).not.toContain("secret");
  });
});
