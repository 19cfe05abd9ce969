import { describe, expect, test } from "vitest";
import { formOf } from "./formOfJob.ts";
import type { HyperparameterField } from "./hyperparameterFields.ts";
import { emptyForm, placeOf, toRequest, type JobForm } from "./jobForm.ts";
import type { Job } from "./jobTypes.ts";

const field = (name: string, kind: HyperparameterField["kind"]): HyperparameterField => ({
  name,
  kind,
  description: "",
  words: [],
});
const fields = [
  field("n_epochs", "integer"),
  field("learning_rate", "number"),
  field("validation_split", "number"),
  field("matryoshka_dimensions", "list"),
];
const file = { id: "file-1", filename: "news.csv" };
const form: JobForm = { ...emptyForm, trainingFile: file, model: "mini" };
const asked = (change: Partial<JobForm>) => toRequest({ ...form, ...change }, fields);

describe("toRequest()", () => {
  test("leaves out what is blank, but for the validation split", () => {
    expect(asked({})).toEqual({
      body: {
        model: "mini",
        training_file: "file-1",
        method: { type: "supervised", supervised: { hyperparameters: { validation_split: 0.1 } } },
      },
      problems: {},
    });
  });

  test("puts each field where the route expects it", () => {
    const { body, problems } = asked({
      task: "sequence-classification",
      columns: { text: "headline", label: "section", text_pair: "" },
      suffix: "news",
      seed: "7",
      stages: "2",
      hyperparameters: { n_epochs: "3", learning_rate: "5e-5" },
      validation: "file",
      validationFile: { id: "file-2", filename: "test.csv" },
    });
    expect(problems).toEqual({});
    expect(body).toEqual({
      model: "mini",
      training_file: "file-1",
      validation_file: "file-2",
      suffix: "news",
      seed: 7,
      method: {
        type: "supervised",
        supervised: {
          task: "sequence-classification",
          columns: { text: "headline", label: "section" },
          stages: 2,
          hyperparameters: { n_epochs: 3, learning_rate: 0.00005 },
        },
      },
    });
  });

  test("says what cannot be read, by its place", () => {
    const { problems } = asked({ trainingFile: null, hyperparameters: { n_epochs: "some" }, validation: "file" });
    expect(Object.keys(problems).toSorted()).toEqual(["hyperparameters.n_epochs", "training_file", "validation_file"]);
    expect(problems["hyperparameters.n_epochs"]).toBe('expected a whole number, got "some"');
  });

  test("a search has lists of values and ranges, and with folds no split", () => {
    const row = { values: "", min: "", max: "" };
    const { body, problems } = asked({
      search: {
        ...emptyForm.search,
        isOn: true,
        strategy: "random",
        trials: "5",
        folds: "4",
        vary: [
          { ...row, name: "n_epochs", mode: "values", values: "2, 3" },
          { ...row, name: "learning_rate", mode: "log", min: "1e-5", max: "1e-3" },
          { ...row, name: "matryoshka_dimensions", mode: "values", values: "64, 32; 64" },
        ],
      },
    });
    expect(problems).toEqual({});
    expect(body.method.supervised).toEqual({
      search: {
        strategy: "random",
        trials: 5,
        folds: 4,
        space: {
          n_epochs: [2, 3],
          learning_rate: { min: 0.00001, max: 0.001, scale: "log" },
          matryoshka_dimensions: [[64, 32], [64]],
        },
      },
      hyperparameters: {},
    });
  });

  test("a setting can vary once, and over something", () => {
    const vary = (values: string) => ({ name: "n_epochs", mode: "values" as const, values, min: "", max: "" });
    const problemsOf = (rows: ReturnType<typeof vary>[]) =>
      asked({ search: { ...emptyForm.search, isOn: true, vary: rows } }).problems;
    expect(problemsOf([vary("")])).toEqual({ "search.space.n_epochs": "expected values, separated by commas" });
    expect(problemsOf([vary("1"), vary("2")])).toEqual({
      "search.space.n_epochs": "expected each hyper-parameter once",
    });
  });
});

describe("formOf()", () => {
  const job: Job = {
    id: "ftjob-1",
    created_at: 0,
    model: "mini",
    status: "succeeded",
    training_file: "file-1",
    validation_file: null,
    method: {
      supervised: {
        task: "sequence-classification",
        columns: { text: "headline" },
        stages: 2,
        schedule: "gpipe",
        search: { strategy: "random", space: { learning_rate: { min: 1e-5, max: 1e-3, scale: "log" } }, trials: 5 },
        hyperparameters: { n_epochs: 3, validation_split: 0.25, batch_size: "auto" },
      },
    },
    fine_tuned_model: null,
    started_at: null,
    finished_at: null,
    estimated_finish: null,
    trained_tokens: null,
    result_files: [],
    seed: 7,
    error: null,
  };

  test("asks for the same job again", () => {
    const { body, problems } = toRequest(formOf(job, [file]), fields);
    expect(problems).toEqual({});
    const { hyperparameters, ...supervised } = job.method.supervised;
    expect(body).toEqual({
      model: "mini",
      training_file: "file-1",
      seed: 7,
      method: {
        type: "supervised",
        supervised: { ...supervised, hyperparameters: { n_epochs: 3, validation_split: 0.25 } },
      },
    });
    expect(hyperparameters["batch_size"]).toBe("auto");
  });

  test("does not repeat the factor that a job tells beside its learning rate: both are refused", () => {
    const supervised = { hyperparameters: { learning_rate: 1e-4, learning_rate_multiplier: 2 } };
    expect(formOf({ ...job, method: { supervised } }, [file]).hyperparameters).toEqual({ learning_rate: "0.0001" });
  });
});

test("placeOf() finds the field of a problem of the server", () => {
  expect(placeOf("method.supervised.columns.text")).toBe("columns.text");
  expect(placeOf("training_file")).toBe("training_file");
});
