/** @file The hyper-parameters that the server knows, read from its OpenAPI document, and what is typed for them read into JSON. */

/** What of JSON Schema the document uses for hyper-parameters. */
export type FieldSchema = {
  readonly type?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly FieldSchema[];
  readonly items?: FieldSchema;
};

export type OpenApiDocument = {
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, FieldSchema>> }>>;
  };
};

export type HyperparameterField = {
  readonly name: string;
  /** `list`: of texts or numbers, separated by commas; `object`: JSON. */
  readonly kind: "integer" | "number" | "flag" | "choice" | "text" | "list" | "object";
  readonly description: string;
  /** All values of a choice; words that are taken instead of a value, such as `auto`, of other kinds. */
  readonly words: readonly string[];
};

export function fieldsOf({ components }: OpenApiDocument): HyperparameterField[] {
  return Object.entries(components.schemas["Hyperparameters"]?.properties ?? {}).map(([name, schema]) => {
    const alternatives = flattened(schema);
    const words = alternatives.flatMap((each) => each.enum ?? (typeof each.const === "string" ? [each.const] : []));
    const other = alternatives.find((each) => each.enum === undefined && each.const === undefined);
    return { name, kind: kindOf(other), description: schema.description ?? "", words };
  });
}

const flattened = (schema: FieldSchema): FieldSchema[] => schema.anyOf?.flatMap(flattened) ?? [schema];

function kindOf(schema: FieldSchema | undefined): HyperparameterField["kind"] {
  switch (schema?.type) {
    case undefined:
      return "choice";
    case "integer":
    case "number":
      return schema.type;
    case "boolean":
      return "flag";
    case "array":
      return "list";
    case "object":
      return "object";
    default:
      return "text";
  }
}

/** A typed value, or what is wrong with it. Bounds are the server's to check. */
export type Parsed = { readonly value: unknown } | { readonly problem: string };

/** @param text - not blank */
export function parseValue({ kind, words }: Pick<HyperparameterField, "kind" | "words">, text: string): Parsed {
  const typed = text.trim();
  if (words.includes(typed)) return { value: typed };
  const orWord = words.length === 0 ? "" : ` or ${words.map((word) => `"${word}"`).join(", ")}`;
  switch (kind) {
    case "integer":
    case "number": {
      const value = numberOf(typed);
      if (value === null || (kind === "integer" && !Number.isInteger(value)))
        return { problem: `expected a ${kind === "integer" ? "whole " : ""}number${orWord}, got "${typed}"` };
      return { value };
    }
    case "flag":
      return typed === "true" || typed === "false"
        ? { value: typed === "true" }
        : { problem: `expected true or false, got "${typed}"` };
    case "choice":
      return { problem: `expected one of ${words.join(", ")}, got "${typed}"` };
    case "text":
      return { value: typed };
    case "list":
      return { value: commaSeparated(typed).map((each) => numberOf(each) ?? each) };
    case "object":
      return parseJson(typed, orWord);
    default:
      return kind satisfies never;
  }
}

function parseJson(typed: string, orWord: string): Parsed {
  try {
    return { value: JSON.parse(typed) as unknown };
  } catch {
    return { problem: `expected JSON${orWord}, such as {"yes": 2, "no": 1}, got "${typed}"` };
  }
}

/** Parts that are not blank. */
export function commaSeparated(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

function numberOf(text: string): number | null {
  const value = Number(text);
  return text === "" || !Number.isFinite(value) ? null : value;
}
