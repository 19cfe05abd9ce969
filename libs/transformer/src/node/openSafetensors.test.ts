// Expected values: ../safetensors/fixtures, written by tools/oracles/safetensors_oracle.py (safetensors 0.8.0, huggingface_hub 2.4.0).
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { existsSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeSafetensors, SafetensorsError } from "../safetensors/index.ts";
import { openSafetensors } from "./openSafetensors.ts";

const fixtures = fileURLToPath(new URL("../safetensors/fixtures/", import.meta.url));
const miniLm = fileURLToPath(new URL("../../../../../shared/models/all-MiniLM-L6-v2/", import.meta.url));
let scratch: string;
beforeAll(async () => {
  scratch = realpathSync(await mkdtemp(join(tmpdir(), "openSafetensors-")));
});
afterAll(() => rm(scratch, { recursive: true }));

const emptyFolder = async () => mkdtemp(join(scratch, "model-"));
const f32 = (...values: number[]) =>
  ({ dtype: "F32", shape: [values.length], data: Float32Array.from(values) }) as const;
const layerName = (i: number) => `encoder.layer.${i}.weight`;

async function shardedCopy(edit?: (weightMap: Record<string, string>) => void): Promise<string> {
  const folder = await emptyFolder();
  await cp(join(fixtures, "sharded"), folder, { recursive: true });
  const indexPath = join(folder, "model.safetensors.index.json");
  const index = JSON.parse(await readFile(indexPath, "utf8")) as { weight_map: Record<string, string> };
  edit?.(index.weight_map);
  await writeFile(indexPath, JSON.stringify(index));
  return folder;
}

describe("openSafetensors()", () => {
  test("reads the tensors of a file that Python wrote", async () => {
    await using weights = await openSafetensors(join(fixtures, "dtypes.safetensors"));
    expect(weights.names().length).toBe(25);
    expect([...(await weights.readFloat32("f16"))]).toEqual([0.0999755859375, -2]);
    expect([...(await weights.readFloat32("bf16"))]).toEqual([0.10009765625, -2, 3]);
    expect([...(await weights.readFloat32("scalar"))]).toEqual([Math.fround(0.1)]);
    expect([...(await weights.readInt32("position_ids"))]).toEqual([0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]);
    expect((await weights.readFloat32("empty")).length).toBe(0);
    await expect(weights.readInt32("large")).rejects.toMatchObject({ code: "value_out_of_range" });
    await expect(weights.readFloat32("bool")).rejects.toMatchObject({ code: "dtype_unsupported", tensor: "bool" });
  });

  test("counts only the bytes of the tensors that were read", async () => {
    await using weights = await openSafetensors(join(fixtures, "sharded"));
    expect(weights.bytesRead).toBe(0);
    await weights.readFloat32(layerName(1));
    expect(weights.bytesRead).toBe(64);
  });

  test("reads the shards of a checkpoint that huggingface_hub wrote", async () => {
    await using weights = await openSafetensors(join(fixtures, "sharded"));
    expect(weights.names()).toEqual([0, 1, 2].map(layerName));
    for (const name of weights.names()) {
      const { location } = weights.entry(name);
      const file = await readFile(location?.file ?? "");
      const stored = file.subarray(location?.offset, (location?.offset ?? 0) + (location?.length ?? 0));
      expect(Buffer.from((await weights.readFloat32(name)).buffer).equals(stored)).toBe(true);
    }
  });

  test("locates a tensor in the real file behind symbolic links", async () => {
    const folder = await emptyFolder();
    await mkdir(join(folder, "blobs"));
    await copyFile(join(fixtures, "half.safetensors"), join(folder, "blobs/abc"));
    await symlink("blobs/abc", join(folder, "model.safetensors"));
    await using weights = await openSafetensors(folder);
    expect(weights.entry("f16").location?.file).toBe(join(folder, "blobs/abc"));
  });

  test("takes model.safetensors before an index, as transformers does", async () => {
    const folder = await shardedCopy();
    await writeFile(join(folder, "model.safetensors"), encodeSafetensors(new Map([["only", f32(1)]])));
    await using weights = await openSafetensors(folder);
    expect(weights.names()).toEqual(["only"]);
  });

  test.each(["no/such/folder", "."])("says where it looked when there is no checkpoint: %s", async (path) => {
    const folder = join(await emptyFolder(), path);
    await expect(openSafetensors(folder)).rejects.toMatchObject({ code: "weights_not_found", file: folder });
  });

  test("refuses a header of 2 GB without reading it", async () => {
    const path = join(await emptyFolder(), "model.safetensors");
    await writeFile(path, Buffer.from([0, 0, 0, 128, 0, 0, 0, 0, 123, 125]));
    await truncate(path, 2 ** 31 + 8); // a sparse file, so that only the cap can refuse it
    await expect(openSafetensors(path)).rejects.toMatchObject({ code: "safetensors_invalid" });
  });

  test("reports a file that shrinks while it is open", async () => {
    const path = join(await emptyFolder(), "model.safetensors");
    await writeFile(path, encodeSafetensors(new Map([["a", f32(1, 2, 3)]])));
    await using weights = await openSafetensors(path);
    await truncate(path, (weights.entry("a").location?.offset ?? 0) + 4);
    await expect(weights.readFloat32("a")).rejects.toMatchObject({ code: "safetensors_truncated", found: "4" });
  });

  test("rejects reads after close, and closes twice", async () => {
    const weights = await openSafetensors(join(fixtures, "sharded"));
    await weights.close();
    await weights.close();
    await expect(weights.readFloat32(layerName(0))).rejects.toMatchObject({ code: "weights_closed" });
  });

  test("names a shard that is missing", async () => {
    const folder = await shardedCopy();
    await rm(join(folder, "model-00002-of-00003.safetensors"));
    await expect(openSafetensors(folder)).rejects.toMatchObject({
      code: "weights_not_found",
      expected: "the shard model-00002-of-00003.safetensors beside the index",
    });
  });

  test("names a tensor that is in another shard than the index says", async () => {
    const folder = await shardedCopy((map) => {
      [map[layerName(0)], map[layerName(1)]] = [map[layerName(1)] ?? "", map[layerName(0)] ?? ""];
    });
    await expect(openSafetensors(folder)).rejects.toMatchObject({
      tensor: layerName(0),
      found: "it in model-00001-of-00003.safetensors",
    });
  });

  test("names a tensor that is in no shard", async () => {
    const folder = await shardedCopy((map) => (map["pooler.weight"] = "model-00001-of-00003.safetensors"));
    await expect(openSafetensors(folder)).rejects.toMatchObject({ tensor: "pooler.weight", found: "it in no shard" });
  });

  test("names a tensor of a shard that the index does not know", async () => {
    const folder = await shardedCopy();
    const tensors = new Map([[layerName(0), f32(1)], ["stray", f32(2)]]); // prettier-ignore
    await writeFile(join(folder, "model-00001-of-00003.safetensors"), encodeSafetensors(tensors));
    await expect(openSafetensors(folder)).rejects.toMatchObject({ tensor: "stray", code: "safetensors_invalid" });
  });

  test.each([
    "../x.safetensors",
    "/x.safetensors",
    "a/b.safetensors",
    "a\\b.safetensors",
    "C:x.safetensors",
    "x.bin",
    "",
  ])("refuses an index that names the file %j", async (shard) => {
    const folder = await shardedCopy((map) => (map[layerName(0)] = shard));
    await expect(openSafetensors(folder)).rejects.toMatchObject({ code: "safetensors_invalid", tensor: layerName(0) });
  });

  test.each([
    "",
    "[]",
    "{}",
    '{"weight_map":{}}',
    '{"weight_map":1}',
    '{"weight_map":{"a":1}}',
    '{"weight_map":{"a":"x',
  ])("refuses the index %j", async (text) => {
    const folder = await emptyFolder();
    await writeFile(join(folder, "model.safetensors.index.json"), text);
    await expect(openSafetensors(folder)).rejects.toBeInstanceOf(SafetensorsError);
  });

  const reason = existsSync(miniLm) ? "" : " (skipped: ../shared/models is not there)";
  test.skipIf(reason)(`reads one layer of all-MiniLM-L6-v2 and no more${reason}`, async () => {
    await using weights = await openSafetensors(miniLm);
    const names = weights.names().filter((name) => name.includes("encoder.layer.3."));
    const layerBytes = names.reduce((sum, name) => sum + weights.entry(name).bytes, 0);
    for (const name of names) expect((await weights.readFloat32(name)).every(Number.isFinite)).toBe(true);
    expect(weights.bytesRead).toBe(layerBytes);
    // D = 384, F = 1536: four projections, two of the feed-forward, two layer norms.
    expect(layerBytes).toBe(4 * (4 * (384 * 384 + 384) + (1536 * 384 + 1536) + (384 * 1536 + 384) + 4 * 384));
  });
});
