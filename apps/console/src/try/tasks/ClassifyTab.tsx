/** @file `/predict` of a classifier: its labels with their scores. */
import { useState } from "react";
import { call } from "../../api/client.ts";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { Bars } from "../Bars.tsx";
import { Outcome } from "../Outcome.tsx";
import { useAsk } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";

type Body = {
  readonly inputs: string | readonly [string, string];
  readonly raw_scores: boolean;
  readonly model: string;
};
type Scores = readonly { readonly label: string; readonly score: number }[];

const route = "/predict";
const predict = (body: Body, signal: AbortSignal) => call<Scores>(route, { json: body, signal });

export function ClassifyTab({ model: { id, abilities } }: TabProps) {
  const isRegression = abilities.problem_type === "regression";
  const [text, setText] = useDraft("classify.text", "The coach was on time, and the seats were soft.");
  const [second, setSecond] = useDraft("classify.second", "");
  const [isPair, setIsPair] = useDraft("classify.isPair", false);
  const [isRaw, setIsRaw] = useState(isRegression);
  const asking = useAsk(predict);
  const body: Body = { inputs: isPair ? [text, second] : text, raw_scores: isRaw, model: id };
  return (
    <>
      <AskForm request={{ route, body }} isAsking={asking.isAsking} onAsk={() => asking.ask(body)}>
        <label>
          {isPair ? "First text" : "Text"}
          <textarea rows={3} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        {isPair && (
          <label>
            Second text
            <textarea rows={3} value={second} onChange={(event) => setSecond(event.target.value)} />
          </label>
        )}
        <div className="row options">
          <label>
            <input type="checkbox" checked={isPair} onChange={(event) => setIsPair(event.target.checked)} />
            The model reads pairs of texts
          </label>
          <label>
            <input type="checkbox" checked={isRaw} onChange={(event) => setIsRaw(event.target.checked)} />
            The model's own numbers instead of probabilities
          </label>
        </div>
      </AskForm>
      <Outcome asking={asking} empty="The labels with their scores will be here.">
        {({ answer, input }) => (
          <div className="card">
            <h2>{isRegression ? "Values" : "Labels"}</h2>
            <Bars
              bars={answer.map(({ label, score }) => ({ key: label, label, value: score }))}
              range={rangeOf(answer, input.raw_scores)}
            />
            <p className="muted">{meaningOf(abilities.problem_type, answer.length, input.raw_scores)}</p>
          </div>
        )}
      </Outcome>
    </>
  );
}

/** Of probabilities 0 to 1; of numbers that may be anything the largest, on both sides of 0. */
function rangeOf(scores: Scores, isRaw: boolean): readonly [number, number] {
  if (!isRaw) return [0, 1];
  const largest = Math.max(...scores.map(({ score }) => Math.abs(score)));
  return [-largest, largest];
}

function meaningOf(problemType: string | null, numLabels: number, isRaw: boolean): string {
  if (isRaw) return "What the model gives before anything makes probabilities of it.";
  if (problemType === "single_label_classification" && numLabels > 1)
    return "One of the labels: the scores add up to 1.";
  if (problemType === "multi_label_classification") return "Each label may be true or not: a score stands for itself.";
  return "A number between 0 and 1 by the logistic function.";
}
