/** @file Trains a BERT vocabulary on text files. */
import type { BertTokenizerFile } from "../training/bertTokenizerFile.ts";
import { trainWordPiece, type WordPieceTrainingOptions } from "../training/trainWordPiece.ts";
import { linesOfFiles, type BytesProgress } from "./linesOfFiles.ts";

export type FileTrainingOptions = WordPieceTrainingOptions & {
  /** Called as the files are read. */
  readonly onBytes?: (progress: BytesProgress) => void;
};

/**
 * @param paths - text files in UTF-8, read line by line; `.gz` is decompressed
 * @returns the parsed form of tokenizer.json and tokenizer_config.json
 * @throws VocabularyTrainingError when a file cannot be read, has no words, or an option is unusable
 */
export async function trainWordPieceFromFiles(
  paths: readonly string[],
  { onBytes, ...options }: FileTrainingOptions = {},
): Promise<BertTokenizerFile> {
  return trainWordPiece(linesOfFiles(paths, onBytes), options);
}
