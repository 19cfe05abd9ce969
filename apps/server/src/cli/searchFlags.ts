/** @file The flags of `stagecoach train` that search hyper-parameters, or cross-validate. */
import { Option } from "commander";
import { SettingsError } from "../config/loadSettings.ts";
import { searchSchema, searchStrategies } from "../jobs/searchSchema.ts";
import { camelCase } from "./camelCase.ts";
import { repeated } from "./repeated.ts";

const numberFlags = ["trials", "reduction_factor", "folds", "parallel"] as const;
const searchFlags = ["strategy", ...numberFlags] as const;
type SearchFlag = (typeof searchFlags)[number];

/** Where the flag has another name than the field. */
const flagNames: Partial<Record<string, string>> = { strategy: "search", space: "vary" };

const flagOf = (name: string): string => flagNames[name] ?? name.replaceAll("_", "-");
const keyOf = (name: SearchFlag): string => camelCase(flagOf(name));

export function searchOptions(): Option[] {
  const helpOf = (name: SearchFlag) => searchSchema.shape[name].unwrap().meta()?.description ?? "";
  const number = (name: SearchFlag) => new Option(`--${flagOf(name)} <n>`, helpOf(name)).argParser(Number);
  return [
    new Option(
      "--vary <name=values>",
      "a hyper-parameter to vary (repeatable): a list such as learning-rate=1e-5,3e-5, or a range such as learning-rate=1e-5..1e-3:log",
    ).argParser(repeated),
    new Option("--search <how>", searchSchema.shape.strategy.meta()?.description ?? "").choices(searchStrategies),
    ...numberFlags.map(number),
  ];
}

/** How values and names are read that are those of other flags. */
export type ValueReader = {
  readonly fieldOf: (name: string) => string;
  readonly parseValue: (text: string, flag: string) => unknown;
};

/** @returns undefined where nothing is searched @throws SettingsError for what is not of the form name=values */
export function searchOf(flags: Readonly<Record<string, unknown>>, reader: ValueReader): object | undefined {
  const { vary = [] } = flags as { readonly vary?: readonly string[] };
  const given = searchFlags.flatMap((name) => {
    const value = flags[keyOf(name)];
    return value === undefined ? [] : [[name, value] as const];
  });
  const isSearch = vary.length > 0 || flags["folds"] !== undefined;
  if (!isSearch && given.length > 0)
    throw new SettingsError(`--${flagOf(given[0]![0])}: it says nothing without --vary or --folds`);
  if (!isSearch) return undefined;
  const space = vary.map((text) => readVaried(text, reader));
  const twice = space.find(([name], at) => space.findIndex(([other]) => other === name) !== at);
  if (twice !== undefined) throw new SettingsError(`--vary: expected each hyper-parameter once, got ${twice[0]} twice`);
  return { ...Object.fromEntries(given), space: Object.fromEntries(space) };
}

function readVaried(text: string, { fieldOf, parseValue }: ValueReader): [string, unknown] {
  const [, name, values] = /^([\w-]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || values === undefined) {
    throw new SettingsError(`--vary: expected name=value,value or name=min..max[:log], got ${text}`);
  }
  const [, min, max, scale] = /^([^,]+?)\.\.([^,:]+)(?::(\w+))?$/.exec(values) ?? [];
  if (min !== undefined) {
    const range = { min: Number(min), max: Number(max), ...(scale === undefined ? {} : { scale }) };
    return [fieldOf(name), range];
  }
  return [fieldOf(name), values.split(",").map((value) => valueOf(parseValue(value, "--vary")))];
}

const words: Readonly<Record<string, unknown>> = { true: true, false: false };
const valueOf = (value: unknown): unknown => (typeof value === "string" ? (words[value] ?? value) : value);

/** Of a path of the settings: `search.space.learning_rate` is what `--vary` says of it. */
export function flagOfSearch([, name, field]: readonly PropertyKey[]): string {
  if (name === undefined) return "vary";
  return field === undefined ? flagOf(String(name)) : `vary ${String(field)}`;
}
