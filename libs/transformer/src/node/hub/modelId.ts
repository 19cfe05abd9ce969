/**
 * @file What is a model's name on the hub, a revision, and a folder.
 *
 * Names: `validate_repo_id` of huggingface_hub 2.4.0. Revisions: git's rules for reference names (git
 * check-ref-format), as far as they matter for a path in the cache and an address.
 */
import { isAbsolute } from "node:path";
import { HubError } from "./errors.ts";

/** Whether the text can only mean a folder: it begins with `.`, `/` or `~`, has a backslash, or more than one slash. */
export function looksLikeFolder(text: string): boolean {
  return /^[./~]/.test(text) || text.includes("\\") || text.split("/").length > 2 || isAbsolute(text);
}

/** @throws HubError `invalid_model_id` */
export function checkModelId(id: string): void {
  const word = String.raw`[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?`;
  const isName = new RegExp(`^(?:${word}/)?${word}$`).test(id);
  if (isName && !id.includes("--") && !id.includes("..") && !id.endsWith(".git")) return;
  throw new HubError({
    code: "invalid_model_id",
    message:
      `model ${JSON.stringify(id.slice(0, 200))}: expected a folder that exists, or a hub name such as bert-base-uncased ` +
      `or sentence-transformers/all-MiniLM-L6-v2, got neither ` +
      `(a name has letters, digits, "-", "_" and "."; no "--", no "..", no .git at its end)`,
  });
}

/** @throws HubError `invalid_model_id` when the revision cannot be a branch, tag or commit */
export function checkRevision(revision: string): void {
  const parts = revision.split("/");
  const isSafe = parts.every((part) => /^[^.][^\\~^:?*[\p{Cc} ]*$/u.test(part) && !part.endsWith(".lock"));
  if (isSafe && !revision.includes("..") && !revision.includes("@{") && revision.length <= 200) return;
  throw new HubError({
    code: "invalid_model_id",
    message:
      `revision ${JSON.stringify(revision.slice(0, 200))}: expected a branch, a tag or a commit, ` +
      `got a text that can be none (see git check-ref-format)`,
  });
}

/** Whether the revision is a whole commit, which never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
