/** @file `/next-sentence`: whether one text follows another. */
import { call } from "../../api/client.ts";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { Bars } from "../Bars.tsx";
import { Outcome } from "../Outcome.tsx";
import { useAsk } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";

type Body = { readonly inputs: readonly [string, string]; readonly model: string };
type Answers = readonly { readonly is_next: number }[];

const route = "/next-sentence";
const askNext = (body: Body, signal: AbortSignal) => call<Answers>(route, { json: body, signal });

export function NextSentenceTab({ model: { id } }: TabProps) {
  const [first, setFirst] = useDraft("next.first", "The coach stopped at the inn.");
  const [second, setSecond] = useDraft("next.second", "Fresh horses were waiting there.");
  const asking = useAsk(askNext);
  const body: Body = { inputs: [first, second], model: id };
  return (
    <>
      <AskForm request={{ route, body }} isAsking={asking.isAsking} onAsk={() => asking.ask(body)}>
        <label>
          First text
          <textarea rows={3} value={first} onChange={(event) => setFirst(event.target.value)} />
        </label>
        <label>
          Second text
          <textarea rows={3} value={second} onChange={(event) => setSecond(event.target.value)} />
        </label>
      </AskForm>
      <Outcome asking={asking} empty="How likely it is that the second text follows the first will be here.">
        {({ answer }) => {
          const isNext = answer[0]?.is_next ?? 0;
          return (
            <div className="card">
              <h2>Probability</h2>
              <Bars
                bars={[
                  { key: "next", label: "The second text follows the first", value: isNext },
                  { key: "other", label: "It comes from somewhere else", value: 1 - isNext },
                ]}
                range={[0, 1]}
              />
            </div>
          );
        }}
      </Outcome>
    </>
  );
}
