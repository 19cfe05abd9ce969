/** @file `/answer`: answers to a question, marked where they stand in the text. */
import { useState } from "react";
import { call } from "../../api/client.ts";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { score } from "../Bars.tsx";
import { Outcome } from "../Outcome.tsx";
import { segmentsOf } from "../segments.ts";
import { useAsk, type Answered } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";

type Body = {
  readonly inputs: { readonly question: string; readonly context: string };
  readonly top_k: number;
  readonly handle_impossible_answer: boolean;
  /** What JavaScript's strings count. */
  readonly offset_unit: "utf16";
  readonly model: string;
};
type Answer = { readonly score: number; readonly start: number; readonly end: number; readonly answer: string };

const route = "/answer";
const askAnswers = async (body: Body, signal: AbortSignal) =>
  [await call<Answer | Answer[]>(route, { json: body, signal })].flat();

const example =
  "The mail coach left London at eight in the evening. Horses were changed every ten miles, which took two minutes, and the coach reached Bath at seven in the morning.";

export function AnswerTab({ model: { id } }: TabProps) {
  const [context, setContext] = useDraft("answer.context", example);
  const [question, setQuestion] = useDraft("answer.question", "When did the coach leave London?");
  const [topK, setTopK] = useDraft("answer.topK", 3);
  const [mayBeNone, setMayBeNone] = useDraft("answer.mayBeNone", true);
  const asking = useAsk(askAnswers);
  const body: Body = {
    inputs: { question, context },
    top_k: topK,
    handle_impossible_answer: mayBeNone,
    offset_unit: "utf16",
    model: id,
  };
  return (
    <>
      <AskForm request={{ route, body }} isAsking={asking.isAsking} onAsk={() => asking.ask(body)}>
        <label>
          Text that has the answer
          <textarea rows={6} value={context} onChange={(event) => setContext(event.target.value)} />
        </label>
        <label>
          Question
          <input value={question} onChange={(event) => setQuestion(event.target.value)} />
        </label>
        <div className="row options">
          <label className="number-field">
            Answers
            <input
              type="number"
              min={1}
              max={50}
              value={topK}
              onChange={(event) => setTopK(event.target.valueAsNumber || 1)}
            />
          </label>
          <label>
            <input type="checkbox" checked={mayBeNone} onChange={(event) => setMayBeNone(event.target.checked)} />
            There may be no answer
          </label>
        </div>
      </AskForm>
      <Outcome asking={asking} empty="The text will be here, with the answer marked in it.">
        {(answered) => <Answers key={answered.ms} answered={answered} />}
      </Outcome>
    </>
  );
}

function Answers({ answered: { answer: answers, input } }: { readonly answered: Answered<Body, Answer[]> }) {
  const [chosen, setChosen] = useState(0);
  const { context } = input.inputs;
  const answer = answers[chosen];
  const segments = segmentsOf(context, answer === undefined || isNone(answer) ? [] : [answer]);
  return (
    <div className="card">
      <h2>{answer === undefined || isNone(answer) ? "No answer in the text" : `“${answer.answer}”`}</h2>
      <p className="marked-text">
        {segments.map(({ text, start, span }) => (span === null ? text : <mark key={start}>{text}</mark>))}
      </p>
      <fieldset className="choices">
        <legend>Answers by score</legend>
        {answers.map((each, index) => (
          <label key={`${each.start} ${each.end}`}>
            <input type="radio" name="answer" checked={index === chosen} onChange={() => setChosen(index)} />
            <span className="bar-number">{score(each.score)}</span> {isNone(each) ? <i>no answer</i> : each.answer}
          </label>
        ))}
      </fieldset>
    </div>
  );
}

const isNone = ({ answer }: Answer) => answer === "";
