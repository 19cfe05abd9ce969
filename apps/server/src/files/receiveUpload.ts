/**
 * @file An upload as a form (`multipart/form-data`), written to disk while it comes in: memory does not grow with the file.
 *
 * Fields may come before or after the file. Whatever is wrong is said at once; the rest of the request is read and dropped.
 */
import busboy from "busboy";
import type { IncomingMessage } from "node:http";
import { RefusedError } from "../jobs/errors.ts";
import type { ReceivedContent } from "./contentFolder.ts";
import type { FileLibrary } from "./fileLibrary.ts";

export type UploadForm = {
  readonly fields: Readonly<Record<string, string>>;
  readonly filename: string;
  readonly content: ReceivedContent;
};

/** Far above what the fields of an upload need. */
const LIMITS = { files: 1, fields: 10, fieldNameSize: 100, fieldSize: 1000 };

type ReceivedFile = { readonly filename: string; readonly content: Promise<ReceivedContent> };

/**
 * @returns the form; its content is the caller's now, to add or to discard
 * @throws RefusedError when this is no such form, or the library does not take the file
 */
export async function receiveUpload(
  request: IncomingMessage,
  library: Pick<FileLibrary, "receive" | "discard" | "expectSize">,
): Promise<UploadForm> {
  const form = parserOf(request);
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const fields: Record<string, string> = {};
  const received: { file: ReceivedFile | null } = { file: null };
  let bytes = 0;
  // Also where the bytes belong to no file: the form as a whole has an end.
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    try {
      library.expectSize(bytes);
    } catch (error) {
      failure.reject(error);
    }
  });
  form.on("field", (name, value, { valueTruncated }) => {
    if (valueTruncated) failure.reject(invalid(name, `expected at most ${LIMITS.fieldSize} bytes`));
    if (Object.hasOwn(fields, name)) failure.reject(invalid(name, "expected it once"));
    fields[name] = value;
  });
  form.on("file", (name, source, { filename }) => {
    // A form that ends early destroys it; whoever reads it is told.
    source.on("error", () => {});
    if (name !== "file" || filename === undefined || filename === "") {
      source.resume();
      failure.reject(invalid(name, 'expected the file in the field "file", with a file name'));
      return;
    }
    const content = library.receive(source);
    content.catch(failure.reject);
    received.file = { filename, content };
  });
  form.on("filesLimit", () => failure.reject(invalid("file", "expected one file, got several")));
  form.on("fieldsLimit", () => failure.reject(invalid("file", `expected at most ${LIMITS.fields} fields`)));
  const ended = new Promise<void>((resolve, reject) => {
    form.once("close", resolve);
    form.on("error", (cause) => reject(malformed(cause)));
    request.once("close", () => {
      if (!request.complete)
        reject(new RefusedError("client_closed", "the connection closed before the upload was complete"));
    });
  });
  request.pipe(form);
  try {
    await Promise.race([ended, failure.promise]);
    return await complete(fields, received.file);
  } catch (error) {
    request.unpipe(form);
    request.resume();
    form.destroy();
    await received.file?.content.then(
      (content) => library.discard(content),
      () => {},
    );
    throw error;
  }
}

/** @throws RefusedError when there was no file */
async function complete(fields: Readonly<Record<string, string>>, file: ReceivedFile | null): Promise<UploadForm> {
  if (file === null) throw invalid("file", 'expected a file in the field "file", got none');
  return { fields, filename: file.filename, content: await file.content };
}

/** @throws RefusedError */
function parserOf(request: IncomingMessage): busboy.Busboy {
  try {
    return busboy({ headers: request.headers, limits: LIMITS, defParamCharset: "utf8" });
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause: unknown): RefusedError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RefusedError("invalid_input", `the body: expected a form (multipart/form-data) with a file: ${why}`, {
    cause,
  });
}

function invalid(field: string, what: string): RefusedError {
  return new RefusedError("invalid_input", `\`${field}\`: ${what}`, { field });
}
