/**
 * @file The decoder that a tokenizer file describes.
 *
 * Those of @huggingface/tokenizers 0.2.0 are not used: its WordPiece, ByteLevel, ByteFallback, CTC and Strip decoders differ
 * from Rust's (contractions; added tokens and unknown characters; invalid bytes; repeated and empty tokens; characters
 * beyond U+FFFF).
 */
import { UnsupportedComponentError } from "../errors.ts";
import { JsonFields } from "../jsonFields.ts";
import { patternMatcher } from "../pattern.ts";
import { metaspaceOptions } from "../preTokenizers/metaspace.ts";
import { byteFallbackDecoder, byteLevelDecoder } from "./bytes.ts";
import { cleanUpToken } from "./cleanUpSpaces.ts";
import type { Decoder } from "./decoder.ts";

const makers: Record<string, (config: JsonFields) => Decoder> = {
  BPEDecoder: (config) => bpeDecoder(config.string("suffix", "</w>")),
  ByteFallback: () => byteFallbackDecoder,
  ByteLevel: () => byteLevelDecoder,
  CTC: ctcDecoder,
  Fuse: () => (tokens) => [tokens.join("")],
  Metaspace: metaspaceDecoder,
  Replace: replaceDecoder,
  Sequence: sequenceDecoder,
  Strip: stripDecoder,
  WordPiece: wordPieceDecoder,
};

/**
 * @param config - the `decoder` block of tokenizer.json, or a part of its sequence
 * @throws UnsupportedComponentError for a type that is not in the table above; TokenizerFileError for a malformed one
 */
export function createDecoder(config: unknown, where: string): Decoder {
  const fields = new JsonFields(config, where);
  const type = fields.string("type");
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  if (make === undefined) throw new UnsupportedComponentError(where, `decoder ${type}`, Object.keys(makers));
  return make(fields);
}

function wordPieceDecoder(config: JsonFields): Decoder {
  const prefix = config.string("prefix", "##");
  const isCleaned = config.boolean("cleanup", true);
  return (tokens) =>
    tokens.map((token, i) => {
      const continued = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      const text = i === 0 ? token : continued;
      return isCleaned ? cleanUpToken(text) : text;
    });
}

function bpeDecoder(suffix: string): Decoder {
  return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? "" : " "));
}

function metaspaceDecoder(config: JsonFields): Decoder {
  const { replacement, prependScheme } = metaspaceOptions(config);
  return (tokens) =>
    tokens.map((token, i) => token.replaceAll(replacement, i === 0 && prependScheme !== "never" ? "" : " "));
}

function ctcDecoder(config: JsonFields): Decoder {
  const padToken = config.string("pad_token", "<pad>");
  const delimiter = config.string("word_delimiter_token", "|");
  const isCleaned = config.boolean("cleanup", true);
  return (tokens) =>
    tokens
      .filter((token, i) => i === 0 || token !== tokens[i - 1])
      .map((token) => {
        const text = token.replaceAll(padToken, "");
        return isCleaned ? cleanUpToken(text).replaceAll(delimiter, " ") : text;
      })
      .filter((text) => text !== "");
}

function replaceDecoder(config: JsonFields): Decoder {
  const matches = patternMatcher(config, "pattern");
  const content = config.string("content");
  return (tokens) =>
    tokens.map((token) => {
      let text = "";
      let last = 0;
      for (const [start, end] of matches(token)) {
        text += token.slice(last, start) + content;
        last = end;
      }
      return text + token.slice(last);
    });
}

function stripDecoder(config: JsonFields): Decoder {
  const content = config.string("content");
  const [maxStart, maxStop] = [config.count("start"), config.count("stop")];
  return (tokens) =>
    tokens.map((token) => {
      const chars = Array.from(token);
      let start = 0;
      while (start < maxStart && chars[start] === content) start++;
      let stop = 0;
      while (stop < maxStop && stop < chars.length && chars[chars.length - 1 - stop] === content) stop++;
      return chars.slice(start, Math.max(start, chars.length - stop)).join("");
    });
}

function sequenceDecoder(config: JsonFields): Decoder {
  const steps = config.array("decoders").map((part, i) => createDecoder(part, config.path(`decoders[${i}]`)));
  return (tokens) => steps.reduce((result, step) => step(result), tokens);
}
