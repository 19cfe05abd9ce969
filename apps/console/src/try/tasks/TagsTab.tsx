/** @file `/predict` of a tagger: the runs of words that it labels, marked in the text. Its places count UTF-16 units. */
import { call } from "../../api/client.ts";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { score } from "../Bars.tsx";
import { Outcome } from "../Outcome.tsx";
import { Scroll } from "../../ui/Scroll.tsx";
import { segmentsOf } from "../segments.ts";
import { useAsk } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";

type Body = { readonly inputs: string; readonly model: string };
type Entity = {
  readonly entity_group: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
};

const route = "/predict";
const tag = (body: Body, signal: AbortSignal) => call<readonly Entity[]>(route, { json: body, signal });

/** As many as theme.css has series colours; further labels begin again. */
const NUM_COLOURS = 6;

export function TagsTab({ model: { id, abilities } }: TabProps) {
  const [text, setText] = useDraft("tags.text", "Ada Lovelace took the coach from London to Bath.");
  const asking = useAsk(tag);
  const body: Body = { inputs: text, model: id };
  const groups = [...new Set(abilities.labels.map((label) => label.replace(/^[BI]-/, "")))].filter(
    (each) => each !== "O",
  );
  const colourOf = (group: string) => `var(--series-${(Math.max(0, groups.indexOf(group)) % NUM_COLOURS) + 1})`;
  return (
    <>
      <AskForm request={{ route, body }} isAsking={asking.isAsking} onAsk={() => asking.ask(body)}>
        <label>
          Text
          <textarea rows={4} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <p className="muted">Labels of this model: {groups.join(", ")}.</p>
      </AskForm>
      <Outcome asking={asking} empty="The text will be here, with its labels.">
        {({ answer, input }) => (
          <div className="card">
            <h2>Labelled text</h2>
            <p className="marked-text">
              {segmentsOf(input.inputs, answer).map(({ text: piece, start, span }) =>
                span === null ? (
                  piece
                ) : (
                  <mark key={start} className="entity" style={{ borderColor: colourOf(span.entity_group) }}>
                    {piece} <b style={{ color: colourOf(span.entity_group) }}>{span.entity_group}</b>
                  </mark>
                ),
              )}
            </p>
            {answer.length === 0 ? (
              <p className="muted">The model labels nothing in this text.</p>
            ) : (
              <EntityTable entities={answer} />
            )}
          </div>
        )}
      </Outcome>
    </>
  );
}

function EntityTable({ entities }: { readonly entities: readonly Entity[] }) {
  return (
    <Scroll label="Labelled runs of words">
      <table>
        <thead>
          <tr>
            <th>Label</th>
            <th>Words</th>
            <th className="number">Score</th>
            <th className="number">Place</th>
          </tr>
        </thead>
        <tbody>
          {entities.map(({ entity_group, word, score: value, start, end }) => (
            <tr key={start}>
              <td>{entity_group}</td>
              <td>{word}</td>
              <td className="number">{score(value)}</td>
              <td className="number">
                {start}–{end}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
