/** @file `/rerank` of a cross-encoder: texts in the order in which they answer a query. */
import { call } from "../../api/client.ts";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { Bars } from "../Bars.tsx";
import { linesOf } from "../linesOf.ts";
import { Outcome } from "../Outcome.tsx";
import { useAsk } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";

type Body = { readonly query: string; readonly texts: readonly string[]; readonly model: string };
type Ranked = readonly { readonly index: number; readonly score: number }[];

const route = "/rerank";
const rerank = (body: Body, signal: AbortSignal) => call<Ranked>(route, { json: body, signal });

const example = [
  "Horses were changed at stages along the road.",
  "The mail coach left London at eight in the evening.",
  "A pipeline splits the layers of a model across workers.",
  "I had pancakes for breakfast.",
].join("\n");

export function RerankTab({ model: { id } }: TabProps) {
  const [query, setQuery] = useDraft("rerank.query", "When did the coach leave?");
  const [text, setText] = useDraft("rerank.texts", example);
  const asking = useAsk(rerank);
  const body: Body = { query, texts: linesOf(text), model: id };
  return (
    <>
      <AskForm request={{ route, body }} isAsking={asking.isAsking} onAsk={() => asking.ask(body)} verb="Rank">
        <label>
          Query
          <input value={query} onChange={(event) => setQuery(event.target.value)} />
        </label>
        <label>
          Texts, one on each line
          <textarea rows={6} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
      </AskForm>
      <Outcome asking={asking} empty="The texts will be here, the best answer first.">
        {({ answer, input }) => (
          <div className="card">
            <h2>By score</h2>
            <Bars
              bars={answer.map(({ index, score }) => ({ key: index, label: input.texts[index], value: score }))}
              range={[0, 1]}
            />
          </div>
        )}
      </Outcome>
    </>
  );
}
