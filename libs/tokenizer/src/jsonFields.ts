/**
 * @file Typed reading of untrusted JSON. A wrong or missing field is a `TokenizerFileError` that names the file, the path
 * and what was expected, so that no later code meets a value of a type that it does not know.
 */
import { TokenizerFileError, describe } from "./errors.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** `value` as an object, else an error that names `where`. */
export function asObject(value: unknown, where: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new TokenizerFileError(where, "an object", { got: describe(value) });
}

/** `value` as an array, else an error that names `where`. */
export function asArray(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TokenizerFileError(where, "an array", { got: describe(value) });
}

type Kind<T> = { readonly is: (value: unknown) => value is T; readonly expected: string };

const aString: Kind<string> = { is: (value) => typeof value === "string", expected: "a string" };
const aBoolean: Kind<boolean> = { is: (value) => typeof value === "boolean", expected: "true or false" };
const aCount: Kind<number> = { is: isCount, expected: "a whole number from 0 to 2147483647" };

/** Fields of one JSON object. Every method throws `TokenizerFileError` when the field is of another type. */
export class JsonFields {
  readonly object: JsonObject;
  readonly where: string;

  constructor(value: unknown, where: string) {
    this.object = asObject(value, where);
    this.where = where;
  }

  has(name: string): boolean {
    return this.object[name] !== undefined && this.object[name] !== null;
  }

  path(name: string): string {
    return this.where.includes(": ") || this.where === "" ? `${this.where}.${name}` : `${this.where}: ${name}`;
  }

  string(name: string, fallback?: string): string {
    return this.#typed(name, fallback, aString);
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.#typed(name, fallback, aBoolean);
  }

  /** A whole number from 0 to 2^31 - 1. */
  count(name: string, fallback?: number): number {
    return this.#typed(name, fallback, aCount);
  }

  /** One of `values`. */
  choice<T extends string>(name: string, values: readonly T[], fallback?: T): T {
    const isChoice = (value: unknown): value is T => values.includes(value as T);
    return this.#typed(name, fallback, { is: isChoice, expected: `one of ${values.join(", ")}` });
  }

  optionalString(name: string): string | undefined {
    return this.has(name) ? this.string(name) : undefined;
  }

  array(name: string): readonly unknown[] {
    return asArray(this.object[name], this.path(name));
  }

  fields(name: string): JsonFields {
    return new JsonFields(this.object[name], this.path(name));
  }

  #typed<T>(name: string, fallback: T | undefined, { is, expected }: Kind<T>): T {
    const value = this.object[name];
    if ((value === undefined || value === null) && fallback !== undefined) return fallback;
    if (is(value)) return value;
    throw new TokenizerFileError(this.path(name), expected, { got: describe(value) });
  }
}

/** Whether `value` is a whole number that an Int32Array can hold, at least 0. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0x7fffffff;
}
