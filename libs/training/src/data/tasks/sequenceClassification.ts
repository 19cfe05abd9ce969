/**
 * @file Texts or pairs of texts with a label, labels or numbers. A chat of one question and one answer (OpenAI's
 * fine-tuning files) is a text with its label.
 */
import type { DataPlace } from "../dataError.ts";
import type { DataRow } from "../dataRow.ts";
import { ClassLabels, classEncoder, numberEncoder, type LabelEncoder } from "../labelEncoder.ts";
import { LabelScan } from "../labelScan.ts";
import type { Role } from "../layouts.ts";
import type { RowFields } from "../rowFields.ts";
import { classifiedTexts } from "../rowTexts.ts";
import { readChat } from "./chat.ts";
import { firstSegmentOf, type TaskReader, type TaskReaderOptions } from "./taskReader.ts";

/** Target of an example: `[class]`, the list of classes, or the bits of float32 numbers. */
export function sequenceClassificationReader(fields: RowFields, options: TaskReaderOptions): TaskReader {
  const { tokenizer, maxLength } = options;
  const labelRole: Role = fields.has("messages") ? "messages" : "label";
  const column = fields.columnOf(labelRole);
  const scan = new LabelScan({ isTyped: fields.isTyped, column });
  const placeOf = (row: DataRow): DataPlace => ({ file: fields.file, line: row.line, column });
  let width = 1;
  let encoder: LabelEncoder | undefined;
  return {
    scan: (row) => {
      const label = labelOf(fields, row);
      scan.add(label, placeOf(row));
      if (Array.isArray(label)) width = label.length;
    },
    settle: () => {
      encoder = chooseEncoder(scan, { options, width, place: { file: fields.file, column } });
      const { problemType, numLabels, names } = encoder;
      return { task: { name: "sequence-classification", problemType, numLabels }, labels: names };
    },
    encode: (row, sink) => {
      if (encoder === undefined) throw new Error("internal: encode before settle");
      const { text, pair } = classifiedTexts(fields, row);
      const target = encoder.encode(labelOf(fields, row), placeOf(row));
      const { ids, typeIds, truncated } = tokenizer.encodeIds(text, { pair, truncation: { maxLength } });
      if (truncated) sink.truncated();
      sink.add({ ids, firstSegment: firstSegmentOf(typeIds), target });
      sink.texts(pair === undefined ? [text] : [text, pair]);
    },
  };
}

function chooseEncoder(
  scan: LabelScan,
  { options, width, place }: { readonly options: TaskReaderOptions; readonly width: number; readonly place: DataPlace },
): LabelEncoder {
  const guessed = options.labels === undefined ? scan.guessProblemType() : scan.guessClassification();
  const problemType = options.problemType ?? guessed;
  if (problemType === "regression") {
    scan.checkNumbers();
    return numberEncoder(width);
  }
  return classEncoder(new ClassLabels(options.labels ?? scan.classes(place)), problemType);
}

/** In CSV a list of labels is written as JSON. */
function labelOf(fields: RowFields, row: DataRow): unknown {
  if (fields.has("messages")) return readChat(fields, row).answer;
  const value = fields.value(row, "label");
  const isListInText = !fields.isTyped && typeof value === "string" && value.trim().startsWith("[");
  return isListInText ? fields.list(row, "label", { mayBeEmpty: true }) : value;
}
