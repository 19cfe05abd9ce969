/** @file A dashboard of its rows: with the variables, links and annotations that all of them have. */
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { linkTo, panelOf, source, type BoardUid, type RowSpec } from "./panels.ts";

/** Name of a variable, and the series and the label that it gets its values from. */
const variables = {
  instance: { series: "stagecoach_build_info", label: "instance" },
  model: { series: "stagecoach_model_info", label: "model" },
  replica: { series: "stagecoach_replica_up", label: "replica" },
  stage: { series: "stagecoach_stage_up", label: "stage" },
  /** `job` is the label of a scrape: Prometheus calls that of a fine-tuning job so. */
  job: { series: "stagecoach_job_step", label: "exported_job" },
} as const;
export type VariableName = keyof typeof variables;

/** Changes of a counter, rather than its increase: what is counted for the first time counts too. */
const annotations = [
  { name: "Job started", color: "green", expr: 'changes(stagecoach_job_starts_total{instance=~"$instance"}[1m]) > 0' },
  { name: "Job ended", color: "blue", expr: 'changes(stagecoach_job_ends_total{instance=~"$instance"}[1m]) > 0' },
  {
    name: "Worker restarted",
    color: "red",
    expr: 'changes(stagecoach_worker_restarts_total{instance=~"$instance"}[1m]) > 0',
  },
];

export type BoardSpec = {
  readonly uid: BoardUid;
  readonly title: string;
  readonly description: string;
  /** Beside `instance`, which all have. */
  readonly variables: readonly Exclude<VariableName, "instance">[];
  readonly rows: readonly RowSpec[];
};

const uids: readonly BoardUid[] = [
  "stagecoach-serving",
  "stagecoach-pipeline",
  "stagecoach-training",
  "stagecoach-machine",
];

export function boardOf(spec: BoardSpec): Dashboard {
  const board = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(["stagecoach"])
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("15s")
    .readonly()
    .links(uids.filter((uid) => uid !== spec.uid).map(linkTo))
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"));
  for (const name of ["instance", ...spec.variables] as const) board.withVariable(variableOf(name));
  for (const { name, color, expr } of annotations)
    board.annotation(
      new AnnotationQueryBuilder().name(name).enable(true).iconColor(color).datasource(source).expr(expr),
    );
  for (const { title, panels } of spec.rows) {
    board.withRow(new RowBuilder(title));
    for (const panel of panels) board.withPanel(panelOf(panel));
  }
  return board.build();
}

function variableOf(name: VariableName) {
  const { series, label } = variables[name];
  return (
    new QueryVariableBuilder(name)
      .label(name[0]!.toUpperCase() + name.slice(1))
      .datasource(source)
      .query(`label_values(${series}, ${label})`)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      // oxlint-disable-next-line unicorn/no-array-sort -- a builder's, of no array
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      .allValue(".*")
      .current({ selected: true, text: "All", value: "$__all" })
  );
}
