/** @file The first rows of a data file, and what is wrong with it. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import { Problem } from "../ui/Problem.tsx";
import { clipped, shownValue } from "./format.ts";
import type { ChosenFile } from "./jobForm.ts";
import type { FilePreview, FileProblem } from "./jobTypes.ts";
import { Scroll } from "../ui/Scroll.tsx";

const MAX_ROWS = 5;
const MAX_CHARACTERS = 120;

export function previewQuery(file: ChosenFile | null) {
  return queryOptions({
    queryKey: ["preview", file?.id],
    queryFn: () => call<FilePreview>(`/v1/files/${encodeURIComponent(file!.id)}/preview?rows=${MAX_ROWS}`),
    enabled: file !== null,
    // A file does not change.
    staleTime: Infinity,
  });
}

export function PreviewTable({ file }: { readonly file: ChosenFile }) {
  const { data, error } = useQuery(previewQuery(file));
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <p className="muted">Reading the first rows of {file.filename}…</p>;
  const hasLines = data.lines.some((line) => line !== null);
  return (
    <>
      <h3>
        First rows of {file.filename}
        {data.format !== null && ` (${data.format})`}
      </h3>
      <Scroll label={`first rows of ${file.filename}`}>
        <table className="preview">
          <thead>
            <tr>
              {hasLines && (
                <th scope="col" className="number">
                  line
                </th>
              )}
              {data.columns.map(({ name, kind }) => (
                <th key={name} scope="col">
                  {name} <span className="muted">{kind}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.rows.slice(0, MAX_ROWS).map((row, number) => (
              // Rows may be alike, and do not move.
              <tr key={number}>
                {hasLines && (
                  <th scope="row" className="number">
                    {data.lines[number]}
                  </th>
                )}
                {data.columns.map(({ name }) => (
                  <td key={name}>{clipped(shownValue(row[name]), MAX_CHARACTERS)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {data.rows.length === 0 && <p className="is-warning">It has no rows.</p>}
      <FileProblems problems={data.problems} />
    </>
  );
}

export function FileProblems({
  problems,
}: {
  readonly problems: readonly (FileProblem & { readonly file?: string | null })[];
}) {
  if (problems.length === 0) return null;
  return (
    <ul className="is-bad">
      {problems.map((problem) => (
        <li key={JSON.stringify(problem)}>
          {whereOf(problem)}
          {problem.message}
        </li>
      ))}
    </ul>
  );
}

/** `train.csv, line 12, column label: ` as far as it is known; sentences of data say it themselves. */
function whereOf({ message, file, line, column }: FileProblem & { readonly file?: string | null }): string {
  const parts = [
    { name: file, shown: file },
    { name: line, shown: `line ${line}` },
    { name: column, shown: `column ${column}` },
  ];
  const unsaid = parts.filter(({ name }) => name != null && !message.includes(String(name)));
  return unsaid.length === 0 ? "" : `${unsaid.map(({ shown }) => shown).join(", ")}: `;
}
