/** @file Text to token ids and back, as a `tokenizer.json` says, with offsets, truncation, padding and vocabulary training. */
export { Tokenizer } from "./tokenizer.ts";
export type { BatchOptions, DecodeOptions, EncodedBatch, TokenizerFiles } from "./tokenizer.ts";
export { Encoding } from "./encoding.ts";
export type { EncodedIds, EncodeOptions, OverflowOptions, WrapOptions } from "./sequenceEncoder.ts";
export type { Truncation, TruncationDirection, TruncationStrategy } from "./truncation.ts";
export { padBatch } from "./padding.ts";
export type { Paddable, PaddedBatch, Padding, PaddingSide } from "./padding.ts";
export { toCodePointOffsets, toUtf8Offsets } from "./offsets.ts";
export type { AddedToken } from "./addedTokens.ts";
export type { FileDefaults } from "./fileDefaults.ts";
export type { SpecialTokenRole, SpecialTokens } from "./specialTokens.ts";
export {
  TokenIdError,
  TokenizerError,
  TokenizerFileError,
  TruncationError,
  UnsupportedComponentError,
  VocabularyTrainingError,
} from "./errors.ts";
export type { TokenizerErrorCode } from "./errors.ts";
export { trainWordPiece } from "./training/trainWordPiece.ts";
export type { TrainingProgress, WordPieceTrainingOptions } from "./training/trainWordPiece.ts";
export type { BertTokenizerFile, BertTokenizerOptions } from "./training/bertTokenizerFile.ts";
