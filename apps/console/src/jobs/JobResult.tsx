/** @file What came of a job: final numbers, what the model confuses, how to ask it, and its files. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { apiKey } from "../api/apiKey.ts";
import { ApiError, call } from "../api/client.ts";
import { linkTo } from "../shell/useRoute.ts";
import { Command } from "../ui/Command.tsx";
import { Download } from "../ui/Download.tsx";
import { Problem } from "../ui/Problem.tsx";
import { curlCommand } from "../api/curl.ts";
import { Classes } from "./Classes.tsx";
import { Confusion } from "./Confusion.tsx";
import { metricTitle, shownNumber } from "./format.ts";
import type { JobHistory } from "./jobHistory.ts";
import { jobPath } from "./jobQueries.ts";
import type { Job, JobEvaluation } from "./jobTypes.ts";
import { Mistakes } from "./Mistakes.tsx";
import { taskChoices } from "./taskChoices.ts";

type JobResultProps = {
  readonly job: Job;
  readonly history: JobHistory;
  readonly metric: string | null;
  readonly best: { readonly step: number; readonly value: number } | null;
};

export function JobResult({ job, history, metric, best }: JobResultProps) {
  const [asked, setAsked] = useState<JobEvaluation["split"] | null>(null);
  const { data, error, isPending } = useQuery({
    queryKey: ["evaluation", job.id, asked],
    queryFn: () => call<JobEvaluation>(`${jobPath(job.id)}/evaluation${asked === null ? "" : `?split=${asked}`}`),
  });
  const test = testNumbers(history);
  const isMissing = error instanceof ApiError && error.status === 404;
  return (
    <>
      <div className="card">
        <h2>Result</h2>
        {metric !== null && best !== null && (
          <p>
            Its best evaluation was at step {shownNumber(best.step)}: {metricTitle(metric)}{" "}
            <strong>{shownNumber(best.value)}</strong>. The model is that of this step.
          </p>
        )}
        {test !== null && <Numbers title="On data that were neither trained nor validated on (test)" entries={test} />}
        {test !== null && metric !== null && (
          <label className="inline">
            What it confuses on
            <select
              value={asked ?? "validation"}
              onChange={(event) => setAsked(event.target.value as JobEvaluation["split"])}
            >
              <option value="validation">the validation data</option>
              <option value="test">the test data</option>
            </select>
          </label>
        )}
        {isPending && <p className="muted">Asking for the evaluation of the model…</p>}
        {isMissing && <p className="muted">{error.message}</p>}
        {error !== null && !isMissing && <Problem error={error} />}
        {data !== undefined && <Metrics evaluation={data} />}
      </div>
      {data !== undefined && data.confusion !== null && (
        <Confusion labels={data.labels} counts={data.confusion} split={data.split} />
      )}
      {data?.classes != null && data.classes.length > 0 && <Classes classes={data.classes} />}
      {data !== undefined && <Mistakes evaluation={data} />}
      <ModelUse job={job} />
    </>
  );
}

function Metrics({ evaluation: { metrics, split } }: { readonly evaluation: JobEvaluation }) {
  const entries = Object.entries(metrics);
  return entries.length === 0 ? (
    <p className="muted">There were no data to measure the model on.</p>
  ) : (
    <Numbers title={`Of the finished model, on the ${split} data`} entries={entries} />
  );
}

/** Of a job with a share to test on: the message that tells them has them as data. */
function testNumbers(history: JobHistory): NumbersProps["entries"] | null {
  const told = history.messages.findLast(({ data }) => Object.keys(data).some((name) => name.startsWith("test_")));
  if (told === undefined) return null;
  return Object.entries(told.data).map(
    ([name, value]) => [name.replace("test_", ""), typeof value === "number" ? value : null] as const,
  );
}

type NumbersProps = { readonly title: string; readonly entries: readonly (readonly [string, number | null])[] };

function Numbers({ title, entries }: NumbersProps) {
  return (
    <>
      <h3>{title}</h3>
      <dl className="facts">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{metricTitle(name)}</dt>
            <dd>{shownNumber(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function ModelUse({ job }: { readonly job: Job }) {
  const model = job.fine_tuned_model;
  if (model === null) return null;
  const { task = "" } = job.method.supervised;
  const ask = taskChoices[task]?.ask ?? null;
  const needsKey = apiKey.get() !== null;
  const modelPath = `/v1/models/${encodeURIComponent(model)}/archive`;
  return (
    <div className="card">
      <h2>Use the model</h2>
      <p className="break">
        It is served as <code>{model}</code>.
      </p>
      {ask === null ? (
        <p>This server has no route for its task: download the model, and use it with transformers.</p>
      ) : (
        <Command
          label="Ask it from a shell"
          text={curlCommand(`${location.origin}${ask.path}`, { json: { ...ask.body, model }, needsKey })}
        />
      )}
      <div className="row">
        {ask !== null && (
          <a className="button" href={linkTo(["try"], { model })}>
            Try it here
          </a>
        )}
        <Download path={modelPath} filename={`${model.replaceAll(":", "-")}.tar`}>
          Download the model (tar)
        </Download>
        {job.result_files.map((id) => (
          <Download key={id} path={`/v1/files/${encodeURIComponent(id)}/content`} filename={`${job.id}.csv`}>
            Download its numbers (CSV)
          </Download>
        ))}
      </div>
    </div>
  );
}
