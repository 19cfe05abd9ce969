/** @file A file of the server to save: a plain link, or, where the server wants a key, a request, as a link cannot send one. */
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { apiKey } from "../api/apiKey.ts";
import { request } from "../api/client.ts";
import { Problem } from "./Problem.tsx";

type DownloadProps = { readonly path: string; readonly filename: string; readonly children: ReactNode };

export function Download({ path, filename, children }: DownloadProps) {
  const { mutate, isPending, error } = useMutation({
    mutationFn: async () => save(await (await request(path)).blob(), filename),
  });
  if (apiKey.get() === null)
    return (
      <a className="button quiet" href={path} download={filename}>
        {children}
      </a>
    );
  return (
    <>
      <button type="button" className="quiet" disabled={isPending} onClick={() => mutate()}>
        {isPending ? "Fetching…" : children}
      </button>
      {error !== null && <Problem error={error} />}
    </>
  );
}

function save(content: Blob, filename: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = filename;
  link.click();
  URL.revokeObjectURL(link.href);
}
