/** @file OpenAI's chat format, `{ messages: [{ role, content }, ...] }`, as a text with its label. */
import { describeValue } from "../dataError.ts";
import type { DataRow } from "../dataRow.ts";
import type { RowFields } from "../rowFields.ts";

/**
 * The user's text and the assistant's answer. A system message, which is the same for all, says nothing about the text and
 * is not read.
 *
 * @throws DataError "data_value" unless there is one message of the user and then one of the assistant
 */
export function readChat(fields: RowFields, row: DataRow): { readonly question: string; readonly answer: string } {
  const wrong = (message: string) => fields.error("data_value", message, { row, role: "messages" });
  const messages = fields.list(row, "messages").map((message) => {
    if (typeof message !== "object" || message === null || !("role" in message) || !("content" in message)) {
      throw wrong(`expected messages with role and content, got ${describeValue(message)}`);
    }
    return message;
  });
  const spoken = messages.filter(({ role }) => role !== "system" && role !== "developer");
  const [user, assistant] = spoken;
  if (spoken.length !== 2 || user?.role !== "user" || assistant?.role !== "assistant") {
    const got = messages.map(({ role }) => describeValue(role)).join(", ");
    throw wrong(`expected one message of the user and then the label as one of the assistant, got ${got}`);
  }
  const [question, answer] = [contentText(user.content), contentText(assistant.content)];
  if (question === undefined || answer === undefined) throw wrong("expected messages with text, got one without");
  return { question, answer };
}

/** Content is text, or a list of parts with text. */
function contentText(content: unknown): string | undefined {
  const parts: readonly unknown[] = Array.isArray(content) ? content : [{ type: "text", text: content }];
  const texts = parts.map((part) => {
    const isText = typeof part === "object" && part !== null && "type" in part && part.type === "text";
    return isText && "text" in part && typeof part.text === "string" ? part.text : undefined;
  });
  if (texts.includes(undefined)) return undefined;
  const text = texts.join("\n").trim();
  return text === "" ? undefined : text;
}
