/**
 * @file What the dashboards are made of: a panel is a title, a text that says what is good and what to do, a unit and its queries.
 *
 * Made with Grafana's own SDK for version 11.6, whose types come from Grafana's schema: what does not fit it does not compile.
 */
import {
  BigValueColorMode,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DataSourceRef,
} from "@grafana/grafana-foundation-sdk/dashboard";
import * as heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

/** The variable that every dashboard has for its data source. */
export const source: DataSourceRef = { type: "prometheus", uid: "${datasource}" };

export type BoardUid = "stagecoach-serving" | "stagecoach-pipeline" | "stagecoach-training" | "stagecoach-machine";

export type Query = { readonly expr: string; readonly legend: string };

export type PanelSpec = {
  readonly kind?: "timeseries" | "stat" | "heatmap";
  readonly title: string;
  /** What is good, and what to do when it is not. */
  readonly description: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of 24 columns. */
  readonly width: number;
  /** From where on a value is orange, and red; a red that is lower than the orange means that low is bad. */
  readonly limits?: { readonly orange: number; readonly red: number };
  readonly isStacked?: true;
  readonly max?: number;
  /** Values may be below 0. */
  readonly hasNegative?: true;
  /** The dashboard that says more. */
  readonly more?: BoardUid;
};

export type RowSpec = { readonly title: string; readonly panels: readonly PanelSpec[] };

const kinds = { timeseries: timeseriesOf, stat: statOf, heatmap: heatmapOf } as const;

export const panelOf = (spec: PanelSpec): AnyPanel => kinds[spec.kind ?? "timeseries"](spec);

function timeseriesOf(spec: PanelSpec) {
  const panel = new timeseries.PanelBuilder()
    .fillOpacity(spec.isStacked ? 40 : 8)
    .lineWidth(1)
    .legend({
      build: () => ({
        displayMode: LegendDisplayMode.Table,
        placement: LegendPlacement.Bottom,
        showLegend: true,
        calcs: ["mean", "lastNotNull", "max"],
      }),
    })
    .tooltip({ build: () => ({ mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending }) });
  if (spec.isStacked) panel.stacking({ build: () => ({ mode: StackingMode.Normal, group: "A" }) });
  if (spec.limits) panel.thresholdsStyle({ build: () => ({ mode: GraphThresholdsStyleMode.Dashed }) });
  return withBasics(panel, spec, 8);
}

function statOf(spec: PanelSpec) {
  return withBasics(new stat.PanelBuilder().colorMode(BigValueColorMode.Background), spec, 4);
}

function heatmapOf(spec: PanelSpec) {
  return withBasics(new heatmap.PanelBuilder().yAxis({ build: () => ({ unit: spec.unit }) }), spec, 8);
}

type AnyPanel = timeseries.PanelBuilder | stat.PanelBuilder | heatmap.PanelBuilder;

function withBasics<P extends AnyPanel>(panel: P, spec: PanelSpec, height: number): P {
  panel
    .title(spec.title)
    .description(spec.description)
    .unit(spec.unit)
    .datasource(source)
    .span(spec.width)
    .height(height);
  if (!spec.hasNegative) panel.min(0);
  if (spec.max !== undefined) panel.max(spec.max);
  if (spec.limits) panel.thresholds(thresholdsOf(spec.limits));
  if (spec.more) panel.links([linkTo(spec.more)]);
  for (const [index, { expr, legend }] of spec.queries.entries()) {
    const query = new DataqueryBuilder()
      .refId(String.fromCharCode(65 + index))
      .expr(expr)
      .legendFormat(legend);
    query.datasource(source);
    panel.withTarget(spec.kind === "heatmap" ? query.format(PromQueryFormat.Heatmap) : query);
  }
  return panel;
}

function thresholdsOf({ orange, red }: { readonly orange: number; readonly red: number }) {
  const isLowBad = red < orange;
  const steps = isLowBad
    ? [
        { value: null, color: "red" },
        { value: red, color: "orange" },
        { value: orange, color: "green" },
      ]
    : [
        { value: null, color: "green" },
        { value: orange, color: "orange" },
        { value: red, color: "red" },
      ];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

/** With the time range and the values of the variables. */
export function linkTo(uid: BoardUid) {
  return new DashboardLinkBuilder(uid.replace("stagecoach-", "Stagecoach: "))
    .type(DashboardLinkType.Link)
    .url(`/d/${uid}`)
    .includeVars(true)
    .keepTime(true);
}
