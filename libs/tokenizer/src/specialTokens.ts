/**
 * @file Which ids are the tokens with a role: `[CLS]`, `[SEP]` and their like.
 *
 * The names stand in tokenizer_config.json or special_tokens_map.json; where both are silent, they are taken from what is
 * certain (the unknown token of the model, the padding block) and from the usual names among the added tokens.
 */
import type { JsonFields } from "./jsonFields.ts";

export const specialTokenRoles = ["cls", "sep", "pad", "mask", "unk", "bos", "eos"] as const;
export type SpecialTokenRole = (typeof specialTokenRoles)[number];

/** The id of each role that this tokenizer has. */
export type SpecialTokens = { readonly [role in SpecialTokenRole]: number | undefined };

const usualNames: { readonly [role in SpecialTokenRole]: readonly string[] } = {
  cls: ["[CLS]", "<s>"],
  sep: ["[SEP]", "</s>"],
  pad: ["[PAD]", "<pad>"],
  mask: ["[MASK]", "<mask>"],
  unk: ["[UNK]", "<unk>"],
  bos: ["<s>"],
  eos: ["</s>"],
};

export type SpecialTokenSources = {
  /** Files that name special tokens; the first that names a role decides. */
  readonly named: readonly (JsonFields | undefined)[];
  readonly padToken?: string;
  readonly unkToken?: string;
  readonly idOf: (token: string) => number | undefined;
  readonly isAdded: (token: string) => boolean;
};

export function resolveSpecialTokens(sources: SpecialTokenSources): SpecialTokens {
  const known: { readonly [role in SpecialTokenRole]?: string } = { pad: sources.padToken, unk: sources.unkToken };
  const idOfRole = (role: SpecialTokenRole): number | undefined => {
    const names = sources.named.map((file) => file && nameIn(file, role));
    const name = names.find((each) => each !== undefined) ?? known[role];
    if (name !== undefined) return sources.idOf(name);
    const usual = usualNames[role].find(sources.isAdded);
    return usual === undefined ? undefined : sources.idOf(usual);
  };
  return {
    cls: idOfRole("cls"),
    sep: idOfRole("sep"),
    pad: idOfRole("pad"),
    mask: idOfRole("mask"),
    unk: idOfRole("unk"),
    bos: idOfRole("bos"),
    eos: idOfRole("eos"),
  };
}

/** The name under `cls_token`: a string, or an object with `content`. */
function nameIn(file: JsonFields, role: SpecialTokenRole): string | undefined {
  const key = `${role}_token`;
  if (!file.has(key)) return undefined;
  return typeof file.object[key] === "object" ? file.fields(key).string("content") : file.string(key);
}
