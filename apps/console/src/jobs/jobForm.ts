/** @file The form of a new job: what is typed, and the request that comes of it. Blank fields are left out: the server chooses then. */
import { commaSeparated, parseValue, type HyperparameterField } from "./hyperparameterFields.ts";

export type VaryRow = {
  readonly name: string;
  /** `values`: those named; `linear`, `log`: any between two. */
  readonly mode: "values" | "linear" | "log";
  readonly values: string;
  readonly min: string;
  readonly max: string;
};

export type SearchForm = {
  readonly isOn: boolean;
  readonly strategy: string;
  readonly vary: readonly VaryRow[];
  readonly trials: string;
  /** Of successive halving. */
  readonly reduction: string;
  /** Runs at a time. */
  readonly parallel: string;
  readonly folds: string;
};

export type ChosenFile = { readonly id: string; readonly filename: string };

export type JobForm = {
  readonly trainingFile: ChosenFile | null;
  readonly validation: "split" | "file" | "none";
  readonly validationShare: string;
  readonly validationFile: ChosenFile | null;
  /** Blank: guessed. */
  readonly task: string;
  /** By role; blank: found by its name. */
  readonly columns: Readonly<Record<string, string>>;
  readonly model: string;
  readonly suffix: string;
  readonly seed: string;
  readonly stages: string;
  /** As typed, by name. */
  readonly hyperparameters: Readonly<Record<string, string>>;
  readonly search: SearchForm;
  /** What of another job's method has no field: it is sent as it was. */
  readonly others: Readonly<Record<string, unknown>>;
};

export const emptyForm: JobForm = {
  trainingFile: null,
  validation: "split",
  validationShare: "0.1",
  validationFile: null,
  task: "",
  columns: {},
  model: "",
  suffix: "",
  seed: "",
  stages: "",
  hyperparameters: {},
  search: { isOn: false, strategy: "grid", vary: [], trials: "", reduction: "", parallel: "", folds: "" },
  others: {},
};

/** By the place in the request without `method.supervised`: `hyperparameters.n_epochs`, `columns.text`, `training_file`. */
export type FormProblems = Readonly<Record<string, string>>;

export type JobRequest = {
  readonly model: string;
  readonly training_file: string;
  readonly validation_file?: string;
  readonly suffix?: string;
  readonly seed?: number;
  readonly method: { readonly type: "supervised"; readonly supervised: Readonly<Record<string, unknown>> };
};

/**
 * The body of `POST /v1/fine_tuning/jobs`, and what cannot be read. The body lacks what has a problem.
 *
 * @param fields - the server's hyper-parameters
 */
export function toRequest(
  form: JobForm,
  fields: readonly HyperparameterField[],
): { readonly body: JobRequest; readonly problems: FormProblems } {
  const problems: Record<string, string> = {};
  const read = (place: string, text: string, kind: Pick<HyperparameterField, "kind" | "words">): object => {
    if (text.trim() === "") return {};
    const parsed = parseValue(kind, text);
    if ("problem" in parsed) problems[place] = parsed.problem;
    return "problem" in parsed ? {} : { [place.split(".").at(-1)!]: parsed.value };
  };
  const hyperparameters: Record<string, unknown> = {};
  for (const field of fields)
    Object.assign(
      hyperparameters,
      read(`hyperparameters.${field.name}`, form.hyperparameters[field.name] ?? "", field),
    );
  if (form.trainingFile === null) problems["training_file"] = "expected a file to learn from: choose or drop one above";
  const hasFolds = form.search.isOn && form.search.folds.trim() !== "";
  const validation = hasFolds ? "none" : form.validation;
  if (validation === "split") {
    Object.assign(hyperparameters, read("hyperparameters.validation_split", form.validationShare, number));
    if (form.validationShare.trim() === "")
      problems["hyperparameters.validation_split"] = "expected a share, such as 0.1, or no validation";
  }
  if (validation === "file" && form.validationFile === null)
    problems["validation_file"] = "expected a file to validate on: choose one, or another way of validation";
  const columns = Object.fromEntries(Object.entries(form.columns).filter(([, column]) => column !== ""));
  const supervised = {
    ...form.others,
    ...(form.task === "" ? {} : { task: form.task }),
    ...(Object.keys(columns).length === 0 ? {} : { columns }),
    ...read("stages", form.stages, integer),
    ...(form.search.isOn ? { search: toSearch(form.search, fields, { problems, read }) } : {}),
    hyperparameters,
  };
  const body: JobRequest = {
    model: form.model,
    training_file: form.trainingFile?.id ?? "",
    ...(validation === "file" && form.validationFile !== null ? { validation_file: form.validationFile.id } : {}),
    ...(form.suffix.trim() === "" ? {} : { suffix: form.suffix.trim() }),
    ...read("seed", form.seed, integer),
    method: { type: "supervised", supervised },
  };
  return { body, problems };
}

const integer = { kind: "integer", words: [] } as const;
const number = { kind: "number", words: [] } as const;

type Reading = {
  readonly problems: Record<string, string>;
  readonly read: (place: string, text: string, kind: Pick<HyperparameterField, "kind" | "words">) => object;
};

function toSearch(search: SearchForm, fields: readonly HyperparameterField[], { problems, read }: Reading): object {
  const space: Record<string, unknown> = {};
  for (const row of search.vary) {
    const field = fields.find(({ name }) => name === row.name);
    if (field === undefined) continue;
    const place = `search.space.${row.name}`;
    if (Object.hasOwn(space, row.name) || Object.hasOwn(problems, place))
      problems[place] = "expected each hyper-parameter once";
    else if (row.mode === "values") {
      const parsed = valuesOf(field, row.values).map((text) => parseValue(field, text));
      const wrong = parsed.find((each) => "problem" in each);
      if (wrong !== undefined) problems[place] = wrong.problem;
      else if (parsed.length === 0) problems[place] = "expected values, separated by commas";
      else space[row.name] = parsed.map((each) => ("value" in each ? each.value : null));
    } else {
      const ends = [row.min, row.max].map((text) => parseValue(number, text));
      const wrong = ends.find((each) => "problem" in each);
      if (wrong !== undefined) problems[place] = wrong.problem;
      else {
        const [min, max] = ends.map((end) => ("value" in end ? end.value : null));
        space[row.name] = { min, max, scale: row.mode };
      }
    }
  }
  return {
    strategy: search.strategy,
    space,
    ...(search.strategy === "grid" ? {} : read("search.trials", search.trials, integer)),
    ...(search.strategy === "successive-halving" ? read("search.reduction_factor", search.reduction, integer) : {}),
    ...read("search.parallel", search.parallel, integer),
    ...read("search.folds", search.folds, integer),
  };
}

/** Lists and objects have commas of their own: their values are separated by semicolons. */
function valuesOf({ kind }: HyperparameterField, text: string): string[] {
  if (kind !== "list" && kind !== "object") return commaSeparated(text);
  return text
    .split(";")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** Where a problem of the server belongs in the form: `method.supervised.columns.text` -> `columns.text`. */
export function placeOf(param: string): string {
  return param.replace(/^method\.supervised\./, "");
}
