/** @file The tokenizer of a model's folder, as the model's sentence modules want it. */
import type { Tokenizer } from "@stagecoach/tokenizer";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import type { SentenceModules } from "@stagecoach/transformer";

/** `do_lower_case` of sentence-transformers lower-cases the text before anything else. */
export function loadModelTokenizer(folder: string, modules: SentenceModules): Promise<Tokenizer> {
  return loadTokenizer(folder);
}
