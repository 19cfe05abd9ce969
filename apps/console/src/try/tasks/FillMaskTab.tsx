/** @file `/fill-mask`: the likeliest tokens for each mask; one that is chosen takes the mask's place. */
import { useRef } from "react";
import { call } from "../../api/client.ts";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { Bars } from "../Bars.tsx";
import { Outcome } from "../Outcome.tsx";
import { useAsk } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";
import { countMasks, withToken } from "./masks.ts";

type Body = { readonly inputs: string; readonly top_k: number; readonly model: string };
type Filling = { readonly score: number; readonly token: number; readonly token_str: string };

const route = "/fill-mask";
/** A list for each mask. */
const fill = async (body: Body, signal: AbortSignal): Promise<readonly (readonly Filling[])[]> => {
  const answer = await call<readonly Filling[] | readonly (readonly Filling[])[]>(route, { json: body, signal });
  return (Array.isArray(answer[0]) ? answer : [answer]) as readonly (readonly Filling[])[];
};

export function FillMaskTab({ model: { id, abilities } }: TabProps) {
  const mask = abilities.mask_token ?? "[MASK]";
  const [text, setText] = useDraft(`fill.${mask}`, `The coach stopped at the ${mask} for fresh horses.`);
  const [topK, setTopK] = useDraft("fill.topK", 5);
  const area = useRef<HTMLTextAreaElement>(null);
  const asking = useAsk(fill);
  const bodyOf = (inputs: string): Body => ({ inputs, top_k: topK, model: id });
  const body = bodyOf(text);
  const insertMask = () => {
    const { selectionStart: from, selectionEnd: to } = area.current!;
    setText(text.slice(0, from) + mask + text.slice(to));
    area.current!.focus();
  };
  const putIn = (asked: string, index: number, token: string) => {
    const filled = withToken(asked, mask, { index, text: token });
    setText(filled);
    if (countMasks(filled, mask) > 0) asking.ask(bodyOf(filled));
  };
  return (
    <>
      <AskForm request={{ route, body }} isAsking={asking.isAsking} onAsk={() => asking.ask(body)}>
        <label>
          Text with {mask} where a token is to be found
          <textarea ref={area} rows={4} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <div className="row options">
          <button type="button" className="quiet" onClick={insertMask}>
            Put in {mask}
          </button>
          <label className="number-field">
            Tokens for each
            <input
              type="number"
              min={1}
              max={100}
              value={topK}
              onChange={(event) => setTopK(event.target.valueAsNumber || 1)}
            />
          </label>
        </div>
      </AskForm>
      <Outcome asking={asking} empty={`The likeliest tokens for each ${mask} will be here.`}>
        {({ answer, input }) => (
          <>
            <p className="muted">
              Choose a token to put it into the text.{" "}
              {text !== input.inputs && (
                <button type="button" className="quiet" onClick={() => setText(input.inputs)}>
                  Back to the text that was asked
                </button>
              )}
            </p>
            <div className="grid">
              {answer.map((fillings, index) => (
                <div className="card" key={index}>
                  <h2>{answer.length === 1 ? mask : `${mask} number ${index + 1}`}</h2>
                  <Bars
                    bars={fillings.map(({ token, token_str, score }) => ({
                      key: token,
                      label: (
                        <button
                          type="button"
                          className="token-choice"
                          onClick={() => putIn(input.inputs, index, token_str)}
                        >
                          {token_str}
                        </button>
                      ),
                      value: score,
                    }))}
                    range={[0, Math.max(...fillings.map(({ score }) => score))]}
                  />
                </div>
              ))}
            </div>
          </>
        )}
      </Outcome>
    </>
  );
}
