/** @file A new job: the form, the check by the server, the request as a command, and the start. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { apiKey } from "../api/apiKey.ts";
import { ApiError, call } from "../api/client.ts";
import { linkTo, useRoute } from "../shell/useRoute.ts";
import { Command } from "../ui/Command.tsx";
import { Problem } from "../ui/Problem.tsx";
import { CheckResult } from "./CheckResult.tsx";
import { curlCommand, uploadCommand } from "../api/curl.ts";
import { Field } from "./Field.tsx";
import { FileChoice } from "./FileChoice.tsx";
import { fieldsOf, type HyperparameterField, type OpenApiDocument } from "./hyperparameterFields.ts";
import { HyperparameterInputs } from "./HyperparameterInputs.tsx";
import { emptyForm, placeOf, toRequest, type ChosenFile, type JobForm, type JobRequest } from "./jobForm.ts";
import { formOf } from "./formOfJob.ts";
import type { CheckAnswer, Job, Listed, UploadedFile } from "./jobTypes.ts";
import { jobPath } from "./jobQueries.ts";
import { PreviewTable, previewQuery } from "./PreviewTable.tsx";
import { SearchInputs } from "./SearchInputs.tsx";
import { TaskInputs } from "./TaskInputs.tsx";
import { ValidationInputs } from "./ValidationInputs.tsx";

type Prepared = {
  readonly fields: readonly HyperparameterField[];
  readonly models: readonly string[];
  readonly form: JobForm;
};

const JOBS = "/v1/fine_tuning/jobs";

export function NewJobPage() {
  const like = useRoute().query.get("like");
  const { data, error } = useQuery({
    queryKey: ["newJob", like],
    queryFn: () => prepare(like),
    // It would change the form under the hands of who fills it in.
    staleTime: Infinity,
    gcTime: 0,
    // A server that has just begun says that it is not ready.
    retry: (failures, problem) => failures < 20 && !(problem instanceof ApiError && problem.status < 500),
  });
  return (
    <>
      <p className="muted">
        <a href={linkTo(["jobs"])}>Jobs</a> / new
      </p>
      <h1>New job</h1>
      {error !== null && <Problem error={error} />}
      {error === null && data === undefined && <p className="muted">Asking the server what it can train…</p>}
      {data !== undefined && <NewJobForm key={like} {...data} />}
    </>
  );
}

/** What the server can train, and the form to begin with: an empty one, or that of another job. */
async function prepare(like: string | null): Promise<Prepared> {
  const [document, models, base] = await Promise.all([
    call<OpenApiDocument>("/openapi.json"),
    call<Listed<{ readonly id: string }>>("/v1/models"),
    like === null ? null : call<Job>(jobPath(like)),
  ]);
  const names = models.data.map(({ id }) => id);
  const ids = base === null ? [] : [base.training_file, base.validation_file].filter((id) => id !== null);
  const files = await Promise.all(ids.map((id) => call<UploadedFile>(`/v1/files/${encodeURIComponent(id)}`)));
  const form = base === null ? { ...emptyForm, model: names[0] ?? "" } : formOf(base, files);
  return { fields: fieldsOf(document), models: names, form };
}

function NewJobForm({ fields, models, form: first }: Prepared) {
  const [form, setForm] = useState(first);
  const [isTried, setIsTried] = useState(false);
  const queryClient = useQueryClient();
  const change = (given: Partial<JobForm>) => setForm((before) => ({ ...before, ...given }));
  const { data: preview } = useQuery(previewQuery(form.trainingFile));
  const { body, problems: own } = toRequest(form, fields);
  const check = useMutation({
    mutationFn: (request: JobRequest) => call<CheckAnswer>(`${JOBS}/validate`, { json: request }),
  });
  const start = useMutation({
    mutationFn: (request: JobRequest) => call<Job>(JOBS, { json: request }),
    onSuccess: async ({ id }) => {
      location.hash = linkTo(["jobs", id]);
      await queryClient.invalidateQueries({ queryKey: ["jobs"] });
    },
  });
  /** What is guessed of a file fills in the form. */
  const choose = async (trainingFile: ChosenFile | null) => {
    change({ trainingFile, task: "", columns: {} });
    if (trainingFile === null) return;
    // That it cannot be read is said where its rows would be.
    const found = await queryClient.fetchQuery(previewQuery(trainingFile)).catch(() => null);
    if (found === null) return;
    const { task, columns } = found.guess;
    setForm((before) =>
      before.trainingFile?.id === trainingFile.id ? { ...before, task: task ?? "", columns } : before,
    );
  };
  const isChecked = check.data !== undefined && JSON.stringify(check.variables) === JSON.stringify(body);
  const ofServer = isChecked ? check.data.problems.filter(({ param }) => param != null) : [];
  const problems = {
    ...Object.fromEntries(ofServer.map(({ param, message }) => [placeOf(param!), message])),
    ...(isTried ? own : {}),
  };
  const isWrong = Object.keys(own).length > 0;
  const isReady = isChecked && check.data.valid && !isWrong;
  const needsKey = apiKey.get() !== null;
  const shown = { form, problems, onChange: change };
  const kept = Object.keys(form.others);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setIsTried(true);
        start.reset();
        if (!isWrong) check.mutate(body);
      }}
    >
      <fieldset className="card">
        <legend>
          <h2>Data</h2>
        </legend>
        <FileChoice
          name="Training file"
          chosen={form.trainingFile}
          problem={problems["training_file"]}
          onChoose={(file) => void choose(file)}
        />
        {form.trainingFile !== null && <PreviewTable file={form.trainingFile} />}
      </fieldset>
      <TaskInputs {...shown} preview={preview} />
      <fieldset className="card">
        <legend>
          <h2>Model</h2>
        </legend>
        {kept.length > 0 && <p className="muted">Kept from the job that this is like: {kept.join(", ")}.</p>}
        <div className="fields">
          <Field
            name="Start from"
            value={form.model}
            options={[...new Set([form.model, ...models])].map((each) => ({ value: each, title: each }))}
            problem={problems["model"]}
            onChange={(model) => change({ model })}
          />
          <Field
            name="Part of the new model's name"
            value={form.suffix}
            placeholder="none"
            hint="letters, digits, dots, dashes and underscores"
            problem={problems["suffix"]}
            onChange={(suffix) => change({ suffix })}
          />
        </div>
      </fieldset>
      <ValidationInputs {...shown} />
      <HyperparameterInputs {...shown} fields={fields} />
      <SearchInputs
        search={form.search}
        fields={fields}
        problems={problems}
        onChange={(search) => change({ search })}
      />
      <div className="card">
        <h2>Check and start</h2>
        <div className="row">
          <button type="submit" className={isReady ? "quiet" : ""} disabled={check.isPending}>
            {check.isPending ? "Checking…" : "Check"}
          </button>
          <button type="button" disabled={!isReady || start.isPending} onClick={() => start.mutate(body)}>
            {start.isPending ? "Starting…" : "Start"}
          </button>
          <span className="muted">{startHint(isReady, check.data !== undefined && !isChecked)}</span>
        </div>
        <div aria-live="polite">
          {isTried && isWrong && (
            <ul className="is-bad">
              {Object.entries(own).map(([place, message]) => (
                <li key={place}>
                  {place}: {message}
                </li>
              ))}
            </ul>
          )}
          {check.error !== null && <Problem error={check.error} />}
          {start.error !== null && <Problem error={start.error} />}
          {isChecked && !isWrong && <CheckResult answer={check.data} />}
        </div>
        <Command
          label="The same from a shell"
          text={[
            ...(form.trainingFile === null
              ? []
              : [uploadCommand(`${location.origin}/v1/files`, form.trainingFile.filename, needsKey)]),
            curlCommand(`${location.origin}${JOBS}`, { json: body, needsKey, isIndented: true }),
          ].join("\n")}
        />
      </div>
    </form>
  );
}

function startHint(isReady: boolean, isOld: boolean): string {
  if (isReady) return "The job can start.";
  return isOld
    ? "The form was changed since the check: check it again, then it can start."
    : "It can start when the check has passed.";
}
