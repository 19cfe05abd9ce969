/**
 * @file The header of a safetensors file: which tensors there are, and where their bytes lie.
 *
 * Follows the format's description and the reference implementation (huggingface/safetensors 0.8.0): what that refuses
 * is refused here. Stricter in what the description demands and the implementation lets pass: duplicate keys anywhere,
 * and a header that does not begin with `{`. Tensor bytes are not looked at.
 */
import { isSafetensorsDtype, safetensorsDtypes, tensorBytes } from "./dtype.ts";
import type { SafetensorsDtype } from "./dtype.ts";
import { quoted, SafetensorsError } from "./errors.ts";
import type { SafetensorsErrorFacts } from "./errors.ts";
import { parseStrictJson } from "./strictJson.ts";
import type { StrictJson } from "./strictJson.ts";

export type SafetensorsEntry = {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** First byte of the tensor, counted from the beginning of the file. */
  readonly offset: number;
  /** Bytes; equals the size of `shape` elements of `dtype`. */
  readonly length: number;
};

export type SafetensorsHeader = {
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  /** The free texts under `__metadata__`; empty when there are none. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Bytes of the header with its length field: where the tensors begin. */
  readonly headerBytes: number;
};

/** Bytes of the length field before the header. */
export const lengthFieldBytes = 8;

/** Longest header in bytes (`MAX_HEADER_SIZE` of the reference implementation). */
export const maxHeaderBytes = 100_000_000;

const downloadAgain = "the file is damaged: download or write it again";
const truncated = "the file is truncated: download it again";

/**
 * How many bytes `parseSafetensorsHeader` needs, from the first 8 bytes of the file.
 *
 * @returns bytes of length field and header together, at most `fileBytes`
 * @throws SafetensorsError when the file is too short, or the header longer than the file or 100 MB
 */
export function safetensorsHeaderBytes(bytes: Uint8Array, fileBytes: number, file = "safetensors file"): number {
  if (fileBytes < lengthFieldBytes || bytes.length < lengthFieldBytes) {
    throw new SafetensorsError({
      code: "safetensors_truncated",
      file,
      expected: `at least ${lengthFieldBytes} bytes`,
      found: `${Math.min(fileBytes, bytes.length)}`,
      remedy: truncated,
    });
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, lengthFieldBytes).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw new SafetensorsError({
      code: "safetensors_invalid",
      file,
      expected: `a header of at most ${maxHeaderBytes} bytes`,
      found: `a header length of ${length}`,
      remedy: "this is no safetensors file, or it is damaged: download it again",
    });
  }
  const headerBytes = lengthFieldBytes + Number(length);
  if (headerBytes > fileBytes) {
    throw new SafetensorsError({
      code: "safetensors_truncated",
      file,
      expected: `a file of at least ${headerBytes} bytes, for its header alone`,
      found: `${fileBytes} bytes`,
      remedy: truncated,
    });
  }
  return headerBytes;
}

/**
 * Read and check the header of a safetensors file.
 *
 * @param bytes - the beginning of the file, at least `safetensorsHeaderBytes` long
 * @param fileBytes - size of the whole file
 * @param file - name for messages
 * @throws SafetensorsError for every breach of the format, and when the file is longer or shorter than its tensors
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  fileBytes: number,
  file = "safetensors file",
): SafetensorsHeader {
  const headerBytes = safetensorsHeaderBytes(bytes, fileBytes, file);
  const root = parseRoot(bytes.subarray(lengthFieldBytes, headerBytes), file);
  const metadata = parseMetadata(root.get("__metadata__"), file);
  const entries = [...root]
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => ({ name, ...parseEntry(value, { file, tensor: name }) }))
    .toSorted((a, b) => a.begin - b.begin || a.end - b.end);

  const tensors = new Map<string, SafetensorsEntry>();
  let covered = 0;
  for (const { name, dtype, shape, begin, end } of entries) {
    if (begin !== covered) {
      throw invalid({
        file,
        tensor: name,
        expected: `data from byte ${covered}, where the tensor before it ends`,
        found: `from byte ${begin}, which ${begin < covered ? "overlaps it" : "leaves a hole"}`,
      });
    }
    covered = end;
    tensors.set(name, { dtype, shape, offset: headerBytes + begin, length: end - begin });
  }
  checkCovered({ file, tensorBytes: covered, dataBytes: fileBytes - headerBytes });
  return { tensors, metadata, headerBytes };
}

function parseRoot(bytes: Uint8Array, file: string): ReadonlyMap<string, StrictJson> {
  let root: StrictJson;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith("{")) throw new SyntaxError('expected "{" at character 0');
    root = parseStrictJson(text);
  } catch (error) {
    throw invalid({ file, expected: "a header in JSON", found: reasonOf(error) }, { cause: error });
  }
  if (!isObject(root)) throw invalid({ file, expected: "a header that is a JSON object", found: kindOf(root) });
  return root;
}

function parseMetadata(value: StrictJson | undefined, file: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  if (value === undefined || value === null) return texts;
  if (!isObject(value)) {
    throw invalid({ file, tensor: "__metadata__", expected: "an object of texts", found: kindOf(value) });
  }
  for (const [key, text] of value) {
    if (typeof text !== "string") {
      throw invalid({ file, tensor: "__metadata__", expected: `a text at ${quoted(key)}`, found: kindOf(text) });
    }
    texts.set(key, text);
  }
  return texts;
}

type RawEntry = {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** Offsets in the data, which begins after the header. */
  readonly begin: number;
  readonly end: number;
};

function parseEntry(value: StrictJson, where: { file: string; tensor: string }): RawEntry {
  if (!isObject(value)) {
    throw invalid({ ...where, expected: "an object with dtype, shape and data_offsets", found: kindOf(value) });
  }
  const dtype = value.get("dtype");
  if (typeof dtype !== "string" || !isSafetensorsDtype(dtype)) {
    throw invalid({
      ...where,
      expected: `a dtype of ${safetensorsDtypes.join(", ")}`,
      found: typeof dtype === "string" ? quoted(dtype) : kindOf(dtype),
    });
  }
  const shape = integers(value.get("shape"));
  if (!shape) {
    throw invalid({
      ...where,
      expected: "a shape of whole numbers from 0 to 2^53 - 1",
      found: shown(value.get("shape")),
    });
  }
  const [begin, end, ...rest] = integers(value.get("data_offsets")) ?? [];
  if (begin === undefined || end === undefined || rest.length > 0 || begin > end) {
    throw invalid({
      ...where,
      expected: "data_offsets [begin, end] of whole numbers with begin <= end",
      found: shown(value.get("data_offsets")),
    });
  }
  const length = tensorBytes(dtype, shape);
  if (length !== end - begin) {
    throw invalid({
      ...where,
      expected: `${length ?? "a whole number of"} bytes for ${dtype} [${shape.join(", ")}]`,
      found: `${end - begin}`,
    });
  }
  return { dtype, shape, begin, end };
}

function checkCovered(sizes: { file: string; tensorBytes: number; dataBytes: number }): void {
  const { file, tensorBytes: expected, dataBytes: found } = sizes;
  if (found === expected) return;
  const isShort = found < expected;
  throw new SafetensorsError({
    code: isShort ? "safetensors_truncated" : "safetensors_invalid",
    file,
    expected: `${expected} bytes of tensors after the header`,
    found: `${found}`,
    remedy: isShort ? truncated : "bytes that belong to no tensor are not allowed: download or write it again",
  });
}

type InvalidFacts = Omit<SafetensorsErrorFacts, "code" | "remedy">;

function invalid(facts: InvalidFacts, options?: ErrorOptions): SafetensorsError {
  return new SafetensorsError({ ...facts, code: "safetensors_invalid", remedy: downloadAgain }, options);
}

function integers(value: StrictJson | undefined): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const numbers = value.map((item: StrictJson) =>
    typeof item === "bigint" && item >= 0n && item <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(item) : -1,
  );
  return numbers.includes(-1) ? undefined : numbers;
}

function isObject(value: StrictJson | undefined): value is ReadonlyMap<string, StrictJson> {
  return value instanceof Map;
}

function kindOf(value: StrictJson | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value === "bigint" ? "number" : typeof value}`;
}

function shown(value: StrictJson | undefined): string {
  if (!Array.isArray(value)) return kindOf(value);
  const items = value.slice(0, 8).map((item: StrictJson) => {
    return typeof item === "object" ? kindOf(item) : String(item).slice(0, 40);
  });
  return `[${items.join(", ")}${value.length > 8 ? ", ..." : ""}]`;
}

function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return `something else: ${error.message}`;
  return "bytes that are not UTF-8";
}
