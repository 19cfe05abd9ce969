/** @file A file to learn from: picked, dropped, or one that was uploaded before. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState, type DragEvent } from "react";
import { call } from "../api/client.ts";
import { Problem } from "../ui/Problem.tsx";
import { Field } from "./Field.tsx";
import { shownBytes } from "./format.ts";
import type { ChosenFile } from "./jobForm.ts";
import type { Listed, UploadedFile } from "./jobTypes.ts";
import { uploadFile } from "./uploadFile.ts";

type FileChoiceProps = {
  readonly name: string;
  readonly chosen: ChosenFile | null;
  readonly onChoose: (file: ChosenFile | null) => void;
  readonly problem?: string | undefined;
};

type Upload = { readonly filename: string; readonly bytes: number; readonly share: number };

const formats = ".csv,.tsv,.jsonl,.json,.txt,.parquet";
const MAX_LISTED = 100;

export function FileChoice({ name, chosen, onChoose, problem }: FileChoiceProps) {
  const id = useId();
  const queryClient = useQueryClient();
  const [upload, setUpload] = useState<Upload | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isOver, setIsOver] = useState(false);
  const abort = useRef<AbortController>(null);
  const { data: uploaded } = useQuery({
    queryKey: ["files"],
    queryFn: () => call<Listed<UploadedFile>>(`/v1/files?purpose=fine-tune&order=desc&limit=${MAX_LISTED}`),
  });
  useEffect(() => () => abort.current?.abort(), []);
  const send = async (file: File | undefined) => {
    if (file === undefined) return;
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    const at = (share: number) => setUpload({ filename: file.name, bytes: file.size, share });
    setError(null);
    at(0);
    try {
      onChoose(await uploadFile(file, { onShare: at, signal: own.signal }));
      void queryClient.invalidateQueries({ queryKey: ["files"] });
    } catch (failure) {
      if (!own.signal.aborted) setError(failure);
    } finally {
      if (abort.current === own) setUpload(null);
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    void send(event.dataTransfer.files[0]);
  };
  const options = uploaded?.data.map((file) => ({
    value: file.id,
    title: `${file.filename} (${shownBytes(file.bytes)})`,
  }));
  return (
    <div>
      <div
        className={`drop ${isOver ? "is-over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={drop}
      >
        <label htmlFor={id}>{name}: choose a file, or drop it here</label>
        <input
          id={id}
          type="file"
          accept={formats}
          onChange={(event) => {
            void send(event.target.files?.[0]);
            // The same file again, once it was mended, is a change too.
            event.target.value = "";
          }}
        />
        <p className="muted note">CSV, TSV, JSONL, JSON, text or Parquet.</p>
        {upload !== null && (
          <div className="row">
            <progress value={upload.share} max={1} aria-label={`upload of ${upload.filename}`} />
            <span>
              {upload.filename}: {Math.floor(upload.share * 100)} % of {shownBytes(upload.bytes)}
            </span>
            <button type="button" className="quiet" onClick={() => abort.current?.abort()}>
              Stop
            </button>
          </div>
        )}
        {error !== null && <Problem error={error} />}
        {problem !== undefined && <p className="is-bad note">{problem}</p>}
      </div>
      {options !== undefined && options.length > 0 && (
        <Field
          name={`${name}: or one that was uploaded before`}
          value={chosen?.id ?? ""}
          placeholder="none"
          options={
            chosen === null || options.some(({ value }) => value === chosen.id)
              ? options
              : [{ value: chosen.id, title: chosen.filename }, ...options]
          }
          onChange={(value) => onChoose(uploaded?.data.find((file) => file.id === value) ?? null)}
        />
      )}
    </div>
  );
}
