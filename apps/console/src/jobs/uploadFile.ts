/** @file Uploads that say how far they are, which `fetch` cannot. */
import { apiKey, keyWasRefused } from "../api/apiKey.ts";
import { ApiError, messageOf } from "../api/client.ts";
import type { UploadedFile } from "./jobTypes.ts";

/**
 * @param onShare - is told how much is sent, 0 to 1
 * @throws ApiError when the server refuses the file; TypeError when the connection is lost
 */
export function uploadFile(
  file: File,
  { onShare, signal }: { readonly onShare: (share: number) => void; readonly signal: AbortSignal },
): Promise<UploadedFile> {
  const { promise, resolve, reject } = Promise.withResolvers<UploadedFile>();
  const form = new FormData();
  form.set("purpose", "fine-tune");
  form.set("file", file);
  const upload = new XMLHttpRequest();
  upload.open("POST", "/v1/files");
  const key = apiKey.get();
  if (key !== null) upload.setRequestHeader("authorization", `Bearer ${key}`);
  upload.upload.addEventListener("progress", ({ loaded, total }) => onShare(total === 0 ? 0 : loaded / total));
  upload.addEventListener("load", () => {
    if (upload.status < 300) return resolve(JSON.parse(upload.responseText) as UploadedFile);
    if (upload.status === 401) keyWasRefused(key);
    return reject(new ApiError(upload.status, messageOf(upload.responseText, upload)));
  });
  upload.addEventListener("error", () =>
    reject(new TypeError(`the upload of ${file.name} was cut off (is the server still there?)`)),
  );
  upload.addEventListener("abort", () => reject(new DOMException("the upload was stopped", "AbortError")));
  signal.addEventListener("abort", () => upload.abort(), { once: true });
  upload.send(form);
  return promise;
}
