/** @file PromQL that several panels share. */

/** Label matchers of the variables of a dashboard. */
export const of = {
  instance: 'instance=~"$instance"',
  model: 'instance=~"$instance",model=~"$model"',
  replica: 'instance=~"$instance",replica=~"$replica"',
  stage: 'instance=~"$instance",replica=~"$replica",stage=~"$stage"',
  job: 'instance=~"$instance",exported_job=~"$job"',
} as const;

/** Requests that compute something: not files, jobs, nor what watches the server. */
export const inference = `${of.instance},method="POST",route!~"/v1/(files|fine_tuning).*"`;

export const rate = (series: string, labels: string): string => `rate(${series}{${labels}}[$__rate_interval])`;

/** 0 where there is nothing to divide by. */
export const share = (part: string, whole: string): string => `${part} / clamp_min(${whole}, 1e-9)`;

export const quantile = (q: number, histogram: string, labels: string): string =>
  `histogram_quantile(${q}, sum by (le) (${rate(`${histogram}_bucket`, labels)}))`;

/** Mean of a histogram's observations. */
export const mean = (histogram: string, labels: string): string =>
  share(`sum(${rate(`${histogram}_sum`, labels)})`, `sum(${rate(`${histogram}_count`, labels)})`);

export const quantiles = (histogram: string, labels: string) =>
  [0.5, 0.9, 0.99].map((q) => ({ expr: quantile(q, histogram, labels), legend: `p${q * 100}` }));

/** Time in which stages computed nothing, of the time that they account for. */
export const bubble = share(
  `sum by (instance, replica) (${rate("stagecoach_stage_waiting_seconds_total", of.stage)})`,
  `sum by (instance, replica) (${["busy", "waiting", "sending"]
    .map((what) => rate(`stagecoach_stage_${what}_seconds_total`, of.stage))
    .join(" + ")})`,
);

export const stagesUp = `sum(stagecoach_stage_up{${of.instance}}) / count(stagecoach_stage_up{${of.instance}})`;
