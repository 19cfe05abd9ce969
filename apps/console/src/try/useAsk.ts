/** @file One request at a time: a new one aborts the one before, and so does leaving the page. */
import { useCallback, useEffect, useRef, useState } from "react";

export type Answered<Input, Answer> = {
  /** What was asked: the fields may have changed since. */
  readonly input: Input;
  readonly answer: Answer;
  readonly ms: number;
};

export type Asking<Input, Answer> = {
  readonly isAsking: boolean;
  readonly error: unknown;
  /** The latest; it stays while another is awaited. */
  readonly answered: Answered<Input, Answer> | null;
  readonly ask: (input: Input) => void;
};

type Outcome<Input, Answer> = Pick<Asking<Input, Answer>, "isAsking" | "error" | "answered">;

/** @param work - is given what to ask, and the signal that aborts it */
export function useAsk<Input, Answer>(
  work: (input: Input, signal: AbortSignal) => Promise<Answer>,
): Asking<Input, Answer> {
  const [outcome, setOutcome] = useState<Outcome<Input, Answer>>({ isAsking: false, error: null, answered: null });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const ask = useCallback(
    (input: Input) => {
      running.current?.abort();
      const controller = new AbortController();
      running.current = controller;
      const started = performance.now();
      setOutcome(({ answered }) => ({ isAsking: true, error: null, answered }));
      work(input, controller.signal).then(
        (answer) => {
          if (controller.signal.aborted) return;
          setOutcome({
            isAsking: false,
            error: null,
            answered: { input, answer, ms: performance.now() - started },
          });
        },
        (error: unknown) => {
          if (!controller.signal.aborted) setOutcome({ isAsking: false, error, answered: null });
        },
      );
    },
    [work],
  );
  return { ...outcome, ask };
}
