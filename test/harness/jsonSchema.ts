/**
 * @file What of a value does not fit a JSON Schema, as far as our OpenAPI document uses JSON Schema (2020-12). A keyword that this
 * does not know is an error, so that nothing in the document goes unchecked.
 */

export type Schema = Readonly<Record<string, unknown>>;

const annotations = ["description", "default", "title", "$id", "examples", "deprecated"];

/** Follows `$ref`s. @throws Error for one that leads nowhere */
export function resolveRef(document: unknown, reference: string): Schema {
  const found = reference
    .replace(/^#\//, "")
    .split("/")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
  if (found === undefined) throw new Error(`${reference} leads nowhere`);
  return found as Schema;
}

/** @returns one line per misfit, with its place in the value */
export function misfits(value: unknown, schema: Schema, document: unknown): string[] {
  return check(value, schema, { document, at: "$" });
}

type Context = { readonly document: unknown; readonly at: string };

function check(value: unknown, schema: Schema, context: Context): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    if (annotations.includes(keyword)) return [];
    const checkKeyword = keywords[keyword];
    if (checkKeyword === undefined) throw new Error(`a keyword that this does not know: ${keyword}`);
    return checkKeyword(value, rule, { ...context, schema });
  });
}

type Keyword = (value: unknown, rule: unknown, context: Context & { readonly schema: Schema }) => string[];

const number =
  (test: (value: number, rule: number) => boolean): Keyword =>
  (value, rule, { at }) =>
    typeof value !== "number" || test(value, rule as number)
      ? []
      : [`${at}: ${value} is out of range (${String(rule)})`];

/** Of a text or a list. */
const length =
  (test: (value: number, rule: number) => boolean): Keyword =>
  (value, rule, { at }) =>
    (typeof value !== "string" && !Array.isArray(value)) || test(value.length, rule as number)
      ? []
      : [`${at}: its length ${value.length} is out of range (${String(rule)})`];

const keywords: Readonly<Record<string, Keyword>> = {
  $ref: (value, rule, { document, at }) => check(value, resolveRef(document, rule as string), { document, at }),
  type(value, rule, { at }) {
    const types = Array.isArray(rule) ? (rule as string[]) : [rule as string];
    const fits = types.some((type) => (type === "integer" ? Number.isInteger(value) : typeOf(value) === type));
    return fits ? [] : [`${at}: expected ${types.join(" or ")}, got ${JSON.stringify(value)?.slice(0, 50)}`];
  },
  properties(value, rule, { document, at }) {
    if (typeOf(value) !== "object") return [];
    const fields = Object.entries(value as object);
    return fields.flatMap(([name, field]) => {
      const schema = (rule as Record<string, Schema>)[name];
      return schema === undefined ? [] : check(field, schema, { document, at: `${at}.${name}` });
    });
  },
  required: (value, rule, { at }) =>
    (rule as string[])
      .filter((name) => typeOf(value) === "object" && !Object.hasOwn(value as object, name))
      .map((name) => `${at}: ${name} is missing`),
  additionalProperties(value, rule, { document, at, schema }) {
    const known = Object.keys(schema["properties"] ?? {});
    const fields = typeOf(value) === "object" ? Object.entries(value as object) : [];
    return fields
      .filter(([name]) => !known.includes(name))
      .flatMap(([name, field]) =>
        rule === false
          ? [`${at}: ${name} is not known`]
          : check(field, rule as Schema, { document, at: `${at}.${name}` }),
      );
  },
  propertyNames(value, rule, { document, at }) {
    const names = typeOf(value) === "object" ? Object.keys(value as object) : [];
    return names.flatMap((name) => check(name, rule as Schema, { document, at: `${at}: the key ${name}` }));
  },
  items: (value, rule, { document, at }) =>
    Array.isArray(value)
      ? value.flatMap((each, index) => check(each, rule as Schema, { document, at: `${at}[${index}]` }))
      : [],
  prefixItems: (value, rule, { document, at }) =>
    Array.isArray(value)
      ? (rule as Schema[]).flatMap((schema, index) =>
          index < value.length ? check(value[index], schema, { document, at: `${at}[${index}]` }) : [],
        )
      : [],
  enum: (value, rule, { at }) =>
    (rule as unknown[]).includes(value) ? [] : [`${at}: ${String(value)} is none of them`],
  const: (value, rule, { at }) => (value === rule ? [] : [`${at}: expected ${String(rule)}, got ${String(value)}`]),
  anyOf(value, rule, { document, at }) {
    const tried = (rule as Schema[]).map((schema) => check(value, schema, { document, at }));
    return tried.some((problems) => problems.length === 0) ? [] : [`${at}: fits no alternative: ${tried.flat()[0]}`];
  },
  exclusiveMinimum: number((value, rule) => value > rule),
  exclusiveMaximum: number((value, rule) => value < rule),
  minLength: length((value, rule) => value >= rule),
  maxLength: length((value, rule) => value <= rule),
  minItems: length((value, rule) => value >= rule),
  maxItems: length((value, rule) => value <= rule),
  pattern: (value, rule, { at }) =>
    typeof value !== "string" || new RegExp(rule as string, "u").test(value)
      ? []
      : [`${at}: does not fit ${String(rule)}`],
  not: (value, rule, { document, at }) =>
    check(value, rule as Schema, { document, at }).length > 0 ? [] : [`${at}: is what it must not be`],
  minimum: number((value, rule) => value >= rule),
  maximum: number((value, rule) => value <= rule),
};

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
