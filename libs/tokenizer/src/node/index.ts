/** @file The parts of this package that need Node: files. */
export { loadTokenizer, type LoadTokenizerOptions } from "./loadTokenizer.ts";
export { trainWordPieceFromFiles } from "./trainWordPieceFromFiles.ts";
export type { FileTrainingOptions } from "./trainWordPieceFromFiles.ts";
export { linesOfFiles, type BytesProgress } from "./linesOfFiles.ts";
