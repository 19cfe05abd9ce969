/** @file How a model's heads attend to a text or a pair: the head view, the model view, and a head as a heat map or a table. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { linkTo, useRoute } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import "./attention.css";
import { readLayer, readTokens, type Asked, type Reading } from "./attentionAnswer.ts";
import { fitted, queryOf, stateOf, type AttentionState } from "./attentionState.ts";
import { HeadTable } from "./HeadTable.tsx";
import { HeadToggles } from "./HeadToggles.tsx";
import { HeadView } from "./HeadView.tsx";
import { HeatMap } from "./HeatMap.tsx";
import { ModelView } from "./ModelView.tsx";
import { isPairFilter, pairFilters, pairFilterTitles, placesOf, spansOf } from "./pairFilter.ts";
import { example, TextForm } from "./TextForm.tsx";

const addressOf = (state: AttentionState) => linkTo(["attention"], queryOf(state));

export function AttentionPage() {
  const [asked, setAsked] = useState<Asked>({ inputs: [example.first, example.second], model: null });
  const { data, error, isFetching } = useQuery({
    queryKey: ["attention", "tokens", asked],
    queryFn: ({ signal }) => readTokens(asked, signal),
    staleTime: Infinity,
  });
  return (
    <>
      <h1>Attention</h1>
      <TextForm isBusy={isFetching} onAsk={setAsked} />
      {error !== null && <Problem error={error} />}
      {isFetching && (
        <output className="attention-wait">
          The model reads the text. The first time, its stages compile what shows attention.
        </output>
      )}
      {data !== undefined && !isFetching && <Pictures key={JSON.stringify(asked)} asked={asked} reading={data} />}
    </>
  );
}

function Pictures({ asked, reading }: { readonly asked: Asked; readonly reading: Reading }) {
  const { tokens, numLayers, numHeads, isTruncated } = reading;
  const { query } = useRoute();
  const state = useMemo(() => fitted(stateOf(query), reading), [query, reading]);
  const { view, layer, filter } = state;
  const spans = useMemo(() => spansOf(tokens, filter), [tokens, filter]);
  const isPair = tokens.some(({ input }) => input === 1);
  /** In the place of the present address: a way back through every toggle is of no use. */
  const change = (part: Partial<AttentionState>) => location.replace(addressOf({ ...state, ...part }));
  return (
    <>
      {isTruncated && <p className="is-warning">The text was cut to {tokens.length} tokens: more are not shown.</p>}
      <div className="row attention-controls">
        <nav aria-label="Views" className="row">
          {(["head", "model"] as const).map((name) => (
            <a
              key={name}
              className={name === view ? "button" : "button quiet"}
              href={addressOf({ ...state, view: name })}
              aria-current={name === view ? "page" : undefined}
            >
              {name === "head" ? "Head view" : "Model view"}
            </a>
          ))}
        </nav>
        {view === "head" && (
          <label>
            Layer
            <select value={layer} onChange={(event) => change({ layer: Number(event.target.value) })}>
              {placesOf({ start: 0, end: numLayers }).map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
        )}
        {isPair && (
          <label>
            From and to
            <select
              value={filter}
              onChange={({ target: { value } }) => isPairFilter(value) && change({ filter: value })}
            >
              {pairFilters.map((each) => (
                <option key={each} value={each}>
                  {pairFilterTitles[each]}
                </option>
              ))}
            </select>
          </label>
        )}
        <p className="muted">
          {tokens.length} tokens, {numLayers} layers of {numHeads} heads
        </p>
      </div>
      {view === "model" && (
        <section className="card" aria-label="Model view">
          <ModelView
            asked={asked}
            reading={reading}
            spans={spans}
            chosen={state}
            hrefOf={(ofLayer, head) => addressOf({ ...state, layer: ofLayer, head })}
          />
        </section>
      )}
      <LayerPictures asked={asked} reading={reading} state={state} spans={spans} change={change} />
    </>
  );
}

type LayerPicturesProps = {
  readonly asked: Asked;
  readonly reading: Reading;
  readonly state: AttentionState;
  readonly spans: ReturnType<typeof spansOf>;
  readonly change: (part: Partial<AttentionState>) => void;
};

/** What needs the numbers of one layer. */
function LayerPictures({ asked, reading, state, spans, change }: LayerPicturesProps) {
  const { tokens, numHeads } = reading;
  const { view, layer, filter } = state;
  const { data, error } = useQuery({
    queryKey: ["attention", "layer", asked, layer],
    queryFn: ({ signal }) => readLayer(asked, layer, signal),
    staleTime: Infinity,
  });
  const all = useMemo(() => placesOf({ start: 0, end: numHeads }), [numHeads]);
  const heads = state.heads ?? all;
  const matrices = useMemo(
    () => (data ?? []).map((values, head) => ({ head, values })).filter(({ head }) => heads.includes(head)),
    [data, heads],
  );
  const head = state.head ?? (view === "head" ? (heads[0] ?? 0) : null);
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <output className="attention-wait">Reading layer {layer}…</output>;
  const values = head === null ? undefined : data[head];
  const name = `layer ${layer}, head ${head}`;
  return (
    <>
      {view === "head" && (
        <section className="card" aria-label="Head view">
          <HeadToggles numHeads={numHeads} heads={heads} onChange={(wanted) => change({ heads: wanted })} />
          {heads.length === 0 && <p className="is-warning">No head is on: choose one above to see its lines.</p>}
          <HeadView tokens={tokens} spans={spans} numHeads={numHeads} matrices={matrices} />
        </section>
      )}
      {view === "model" && values !== undefined && (
        <section className="card" aria-label="One head">
          <h2>{name}</h2>
          <HeatMap key={`${name}, ${filter}`} name={name} tokens={tokens} spans={spans} values={values} />
        </section>
      )}
      {values !== undefined && (
        <details className="card">
          <summary>Numbers of one head as a table</summary>
          <label className="narrow">
            Head of layer {layer}
            <select value={head ?? 0} onChange={(event) => change({ head: Number(event.target.value) })}>
              {all.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
          <HeadTable name={name} tokens={tokens} spans={spans} values={values} />
        </details>
      )}
    </>
  );
}
