/** @file The lower half of every tab: what there will be, what went wrong, or the answer. */
import type { ReactNode } from "react";
import { Problem } from "../ui/Problem.tsx";
import type { Answered, Asking } from "./useAsk.ts";

type OutcomeProps<Input, Answer> = {
  readonly asking: Asking<Input, Answer>;
  /** What will be here, as a sentence. */
  readonly empty: string;
  readonly children: (answered: Answered<Input, Answer>) => ReactNode;
};

export function Outcome<Input, Answer>({ asking, empty, children }: OutcomeProps<Input, Answer>) {
  const { isAsking, error, answered } = asking;
  if (error !== null)
    return (
      <section className="card" aria-label="Answer">
        <Problem error={error} />
      </section>
    );
  if (answered === null)
    return (
      <section className="card muted" aria-label="Answer">
        {empty}
      </section>
    );
  return (
    <section aria-label="Answer" aria-busy={isAsking} className={isAsking ? "is-old" : undefined}>
      {children(answered)}
      <p className="muted answered-in">Answered in {Math.round(answered.ms)} ms.</p>
    </section>
  );
}
