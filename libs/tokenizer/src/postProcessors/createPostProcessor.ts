/**
 * @file The post-processor that a tokenizer file describes: BertProcessing, ByteLevel, RobertaProcessing, Sequence,
 * TemplateProcessing. Follows those of Rust's tokenizers 0.23.3.
 *
 * In a sequence at most one may add tokens; two would be nested there in ways that no tokenizer uses.
 */
import { TokenizerFileError, UnsupportedComponentError, describe } from "../errors.ts";
import { JsonFields, asArray, isCount } from "../jsonFields.ts";
import type { OffsetTrim, PostProcessor, SpecialPiece, TemplatePiece } from "./postProcessor.ts";

const makers: Record<string, (config: JsonFields) => PostProcessor> = {
  BertProcessing: bertProcessing,
  ByteLevel: byteLevel,
  RobertaProcessing: robertaProcessing,
  Sequence: sequence,
  TemplateProcessing: templateProcessing,
};

const sequenceA: TemplatePiece = { sequence: 0, typeId: 0 };
const sequenceB: TemplatePiece = { sequence: 1, typeId: 1 };

/** Sequences one after the other, nothing added. */
export const plainPostProcessor: PostProcessor = {
  single: [sequenceA],
  pair: [sequenceA, sequenceB],
  trims: [],
  overflowTypeIds: "sequence",
};

/**
 * @param config - the `post_processor` block of tokenizer.json, or a part of its sequence
 * @throws UnsupportedComponentError for a type that is not in the table above; TokenizerFileError for a malformed one
 */
export function createPostProcessor(config: unknown, where: string): PostProcessor {
  const fields = new JsonFields(config, where);
  const type = fields.string("type");
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  if (make === undefined) throw new UnsupportedComponentError(where, `post-processor ${type}`, Object.keys(makers));
  return make(fields);
}

function bertProcessing(config: JsonFields): PostProcessor {
  const [cls, sep] = [namedToken(config, "cls"), namedToken(config, "sep")];
  const start: readonly TemplatePiece[] = [{ special: cls, typeId: 0 }, sequenceA, { special: sep, typeId: 0 }];
  const pair = [...start, sequenceB, { special: sep, typeId: 1 }];
  return { ...plainPostProcessor, single: start, pair };
}

/** All type ids are 0; the second sequence has a separator on either side. */
function robertaProcessing(config: JsonFields): PostProcessor {
  const cls: TemplatePiece = { special: namedToken(config, "cls"), typeId: 0 };
  const sep: TemplatePiece = { special: namedToken(config, "sep"), typeId: 0 };
  const single = [cls, sequenceA, sep];
  return {
    single,
    pair: [...single, sep, { sequence: 1, typeId: 0 }, sep],
    trims: trimsOf(config, config.boolean("trim_offsets", true)),
    overflowTypeIds: "zero",
  };
}

function byteLevel(config: JsonFields): PostProcessor {
  return { ...plainPostProcessor, trims: trimsOf(config, config.boolean("trim_offsets", true)) };
}

function trimsOf(config: JsonFields, isTrimmed: boolean): readonly OffsetTrim[] {
  return isTrimmed ? [{ keepsAddedSpace: config.boolean("add_prefix_space", true), firstIndex: [0, 0] }] : [];
}

function sequence(config: JsonFields): PostProcessor {
  const parts = config.array("processors").map((part, i) => ({
    config: new JsonFields(part, config.path(`processors[${i}]`)),
    made: createPostProcessor(part, config.path(`processors[${i}]`)),
  }));
  let result = plainPostProcessor;
  let adder: string | undefined;
  for (const { config: part, made } of parts) {
    const trims = made.trims.map((trim) => ({ ...trim, firstIndex: firstIndexAfter(adder) }));
    if (part.string("type") === "ByteLevel") {
      result = { ...result, trims: [...result.trims, ...trims] };
    } else if (adder === undefined) {
      adder = part.string("type");
      result = { ...made, trims: [...result.trims, ...made.trims] };
    } else {
      const component = `post-processor Sequence in which both ${adder} and ${part.string("type")} add tokens`;
      throw new UnsupportedComponentError(config.where, component, ["one of them with any number of ByteLevel"]);
    }
  }
  return result;
}

/** Bert's and Roberta's processors join their special tokens to the sequence; a template keeps them apart. */
function firstIndexAfter(adder: string | undefined): readonly [number, number] {
  if (adder === "BertProcessing") return [1, 0];
  return adder === "RobertaProcessing" ? [1, 1] : [0, 0];
}

function templateProcessing(config: JsonFields): PostProcessor {
  const specials = specialTokensOf(config);
  const single = templatePieces(config, "single", specials);
  const pair = templatePieces(config, "pair", specials);
  if (single.some((piece) => "sequence" in piece && piece.sequence === 1)) {
    throw new TokenizerFileError(config.path("single"), "a template without sequence B");
  }
  return { ...plainPostProcessor, single, pair };
}

function templatePieces(
  config: JsonFields,
  name: string,
  specials: ReadonlyMap<string, SpecialPiece>,
): TemplatePiece[] {
  return config.array(name).map((entry, i) => {
    const where = config.path(`${name}[${i}]`);
    const piece = new JsonFields(entry, where);
    if (piece.has("Sequence")) {
      const inner = piece.fields("Sequence");
      return { sequence: inner.choice("id", ["A", "B"]) === "A" ? 0 : 1, typeId: inner.count("type_id") };
    }
    const inner = piece.fields("SpecialToken");
    const special = specials.get(inner.string("id"));
    if (special !== undefined) return { special, typeId: inner.count("type_id") };
    const expected = `one of special_tokens (${Array.from(specials.keys()).join(", ")})`;
    throw new TokenizerFileError(inner.path("id"), expected, { got: describe(inner.object.id) });
  });
}

function specialTokensOf(config: JsonFields): Map<string, SpecialPiece> {
  const block = config.fields("special_tokens");
  return new Map(
    Object.keys(block.object).map((name) => {
      const entry = new JsonFields(block.object[name], block.path(JSON.stringify(name)));
      const ids = entry.array("ids").map((id, i) => requireId(id, entry.path(`ids[${i}]`)));
      const tokens = entry.array("tokens").map((token, i) => requireString(token, entry.path(`tokens[${i}]`)));
      if (ids.length !== tokens.length) {
        throw new TokenizerFileError(entry.where, "as many ids as tokens", {
          got: `${ids.length} and ${tokens.length}`,
        });
      }
      return [name, { ids, tokens }];
    }),
  );
}

/** `["[SEP]", 102]` */
function namedToken(config: JsonFields, name: string): SpecialPiece {
  const [token, id] = asArray(config.object[name], config.path(name));
  return { ids: [requireId(id, config.path(name))], tokens: [requireString(token, config.path(name))] };
}

function requireId(value: unknown, where: string): number {
  if (isCount(value)) return value;
  throw new TokenizerFileError(where, "a token id", { got: describe(value) });
}

function requireString(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw new TokenizerFileError(where, "a token", { got: describe(value) });
}
