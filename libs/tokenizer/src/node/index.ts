/** @file The parts of this package that need Node: files. */
export { loadTokenizer, type LoadTokenizerOptions } from "./loadTokenizer.ts";
export { linesOfFiles, type BytesProgress } from "./linesOfFiles.ts";
