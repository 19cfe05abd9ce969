/**
 * @file A strict reader of Prometheus' text format (0.0.4), written from its specification and not from prom-client: what this
 * accepts, a Prometheus server accepts.
 */

export type MetricType = "counter" | "gauge" | "histogram" | "summary" | "untyped";

export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

export type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly samples: readonly Sample[];
};

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const types: readonly string[] = ["counter", "gauge", "histogram", "summary", "untyped"];

/** @throws Error with the line that is not as the format wants it */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line must end with a line feed");
  const families = new Map<string, Family & { samples: Sample[] }>();
  let current: (Family & { samples: Sample[] }) | null = null;
  let help: { name: string; text: string } | null = null;
  for (const line of text.split("\n").slice(0, -1)) {
    if (line === "") continue;
    const wrong = (what: string) => new Error(`${what}: ${line}`);
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (line.startsWith("#") && comment === null) throw wrong("a comment that is neither HELP nor TYPE");
    if (comment?.[1] === "HELP") {
      help = { name: comment[2]!, text: comment[3]! };
    } else if (comment) {
      const [, , name, type] = comment;
      if (!NAME.test(name!)) throw wrong("a metric's name");
      if (!types.includes(type!)) throw wrong("an unknown type");
      if (help?.name !== name) throw wrong("a type without its help before it");
      if (families.has(name!)) throw wrong("a metric twice");
      current = { name: name!, help: help!.text, type: type as MetricType, samples: [] };
      families.set(name!, current);
    } else {
      const sample = parseSample(line);
      if (current === null || !belongs(sample.name, current)) throw wrong("a sample outside of its metric's lines");
      const key = seriesOf(sample);
      if (current.samples.some((each) => seriesOf(each) === key)) throw wrong("a series twice");
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function parseSample(line: string): Sample {
  const found = /^([^\s{]+)(\{(.*)\})? (\S+)$/.exec(line);
  if (found === null || !NAME.test(found[1]!)) throw new Error(`a sample: ${line}`);
  const value = { "+Inf": Infinity, "-Inf": -Infinity, NaN: NaN }[found[4]!] ?? Number(found[4]);
  if (found[4] !== "NaN" && Number.isNaN(value)) throw new Error(`a value that is no number: ${line}`);
  return { name: found[1]!, labels: parseLabels(found[3] ?? "", line), value };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const found = /^([^=,"]+)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/.exec(rest);
    if (found === null || !LABEL.test(found[1]!)) throw new Error(`labels: ${line}`);
    if (Object.hasOwn(labels, found[1]!)) throw new Error(`a label twice: ${line}`);
    labels[found[1]!] = found[2]!.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
    rest = rest.slice(found[0].length);
  }
  return labels;
}

function belongs(sample: string, { name, type }: Family): boolean {
  const suffixes = { histogram: ["_bucket", "_sum", "_count"], summary: ["", "_sum", "_count"] }[type as string] ?? [
    "",
  ];
  return suffixes.some((suffix) => sample === name + suffix);
}

function seriesOf({ name, labels }: Sample): string {
  return JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}

function checkFamily({ name, type, samples }: Family): void {
  if (type === "counter" && !name.endsWith("_total")) throw new Error(`${name}: a counter's name ends in _total`);
  for (const { value } of samples) {
    if (type === "counter" && !(value >= 0)) throw new Error(`${name}: a counter below 0`);
  }
  if (type !== "histogram") return;
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, group] of groups) {
    const buckets = group.filter((each) => each.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) => (le === "+Inf" ? Infinity : Number(le)));
    const counts = buckets.map(({ value }) => value);
    if (bounds.at(-1) !== Infinity) throw new Error(`${name}${labels}: no +Inf bucket at the end`);
    if (bounds.some((bound, index) => index > 0 && !(bound > bounds[index - 1]!)))
      throw new Error(`${name}${labels}: bounds do not grow`);
    if (counts.some((count, index) => index > 0 && count < counts[index - 1]!))
      throw new Error(`${name}${labels}: buckets are not cumulative`);
    const count = group.find((each) => each.name === `${name}_count`)?.value;
    if (count !== counts.at(-1)) throw new Error(`${name}${labels}: the count is not the last bucket`);
    if (!group.some((each) => each.name === `${name}_sum`)) throw new Error(`${name}${labels}: no sum`);
  }
}

/** Value of the one series of these labels. @throws Error when there is none, or several */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  const matching = (family?.samples ?? []).filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  if (matching.length !== 1)
    throw new Error(`expected one series ${name}${JSON.stringify(labels)}, got ${matching.length}`);
  return matching[0]!.value;
}
