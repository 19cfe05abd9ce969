/** @file Errors of the engines. */
import { formatShape } from "@stagecoach/graph";

/** An engine was asked for and cannot be loaded. There is no silent fallback to another one. */
export class EngineUnavailableError extends Error {
  override readonly name = "EngineUnavailableError";
  readonly code = "engine_unavailable";
  readonly engine: string;
  readonly reason: string;
  readonly remedy: string;

  constructor(
    facts: { readonly engine: string; readonly reason: string; readonly remedy: string },
    options?: ErrorOptions,
  ) {
    super(`engine "${facts.engine}" cannot be loaded: ${facts.reason} (${facts.remedy})`, options);
    this.engine = facts.engine;
    this.reason = facts.reason;
    this.remedy = facts.remedy;
  }
}

/** The tensors given to a run do not fit the graph. */
export class EngineInputError extends Error {
  override readonly name = "EngineInputError";
  readonly code = "engine_input";
}

/** The parameters given at compile time do not fit the graph. */
export class ParameterError extends Error {
  override readonly name = "ParameterError";
  readonly code = "parameter_mismatch";

  constructor(name: string, expected: readonly (number | string)[], actual: readonly number[]) {
    super(
      `parameter "${name}": expected shape ${formatShape(expected)}, got ${formatShape(actual)} (the checkpoint does not fit its config.json)`,
    );
  }
}

/** The program behind an engine failed while compiling or running. `cause` is what it said. */
export class EngineFailureError extends Error {
  override readonly name = "EngineFailureError";
  readonly code = "engine_failure";

  constructor(engine: string, action: "compile" | "run", cause: unknown) {
    super(`engine "${engine}" failed to ${action} a graph: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
