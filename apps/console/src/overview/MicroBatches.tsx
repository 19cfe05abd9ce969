/** @file The last micro-batches on their way through the stages, each second anew, or standing still. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client.ts";
import { Problem } from "../ui/Problem.tsx";
import type { MicroBatch, Timeline } from "./answers.ts";
import { counted, duration, milliseconds } from "./figures.ts";
import { Gantt } from "./Gantt.tsx";
import { mergeSeen, secondsToAsk } from "./mergeSeen.ts";
import { microBatchRows } from "./microBatchRows.ts";
import { WideTable } from "./WideTable.tsx";

const spans = [
  [100, "0.1 s"],
  [1000, "1 s"],
  [10_000, "10 s"],
  [60_000, "1 min"],
] as const;
const queryKey = ["timeline"];

/** @param places - stages of each replica */
export function MicroBatches({
  places,
}: {
  readonly places: readonly { readonly replica: number; readonly stage: number }[];
}) {
  const [isPaused, setIsPaused] = useState(false);
  const [spanMs, setSpanMs] = useState(1000);
  const [back, setBack] = useState(0);
  const client = useQueryClient();
  const { data, error } = useQuery({
    queryKey,
    queryFn: async () => {
      const known = client.getQueryData<Timeline>(queryKey);
      const since = Date.now() - (client.getQueryState(queryKey)?.dataUpdatedAt ?? 0);
      return mergeSeen(known, await call<Timeline>(`/timeline?seconds=${secondsToAsk(known, since)}`));
    },
    refetchInterval: isPaused ? false : 1000,
  });
  const seen = data?.micro_batches ?? [];
  const last = seen.at(-1);
  const to = (last?.received_at ?? 0) - back;
  const from = to - spanMs;
  return (
    <section className="card" aria-labelledby="micro-batches">
      <div className="row heading">
        <h2 id="micro-batches">Micro-batches through the stages</h2>
        <div className="row controls">
          <div className="inline">
            <label htmlFor="span">Show</label>
            <select id="span" value={spanMs} onChange={(event) => setSpanMs(Number(event.target.value))}>
              {spans.map(([ms, text]) => (
                <option key={ms} value={ms}>
                  {text}
                </option>
              ))}
            </select>
          </div>
          {isPaused && (
            <>
              <button type="button" className="quiet" onClick={() => setBack(back + spanMs / 2)}>
                Earlier
              </button>
              <button
                type="button"
                className="quiet"
                disabled={back === 0}
                onClick={() => setBack(Math.max(0, back - spanMs / 2))}
              >
                Later
              </button>
            </>
          )}
          <button
            type="button"
            className="quiet"
            aria-pressed={isPaused}
            onClick={() => {
              setIsPaused(!isPaused);
              setBack(0);
            }}
          >
            {isPaused ? "Go on" : "Pause"}
          </button>
        </div>
      </div>
      {error !== null && <Problem error={error} />}
      {data === undefined && error === null && <p className="muted">Asking the server…</p>}
      {data !== undefined && last === undefined && (
        <p className="muted">
          No micro-batch has come back in the last ten minutes. Send texts to the server, at <a href="#/try">Try it</a>{" "}
          or with POST /v1/embeddings, and they appear here.
        </p>
      )}
      {data !== undefined && last !== undefined && (
        <>
          <p className="muted">
            {isPaused ? "Paused. " : ""}The last result came {duration(data.now - last.received_at)} ago
            {back === 0 ? ", at the right end." : `; the right end is ${milliseconds(back)} before it.`}
          </p>
          <Gantt
            label={`Micro-batches by stage, ${milliseconds(spanMs)}`}
            rows={microBatchRows(seen, places)}
            from={from}
            to={to}
            hint="A bar is a micro-batch in the engine of a stage, and has its colour in every stage. Point at one, or go to one with the arrow keys."
          />
          <MicroBatchTable seen={seen} />
        </>
      )}
    </section>
  );
}

/** The last twenty. */
function MicroBatchTable({ seen }: { readonly seen: readonly MicroBatch[] }) {
  return (
    <WideTable summary={`The last ${Math.min(20, seen.length)} as a table`} label="Micro-batches">
      <thead>
        <tr>
          <th className="number">Number</th>
          <th>Model</th>
          <th className="number">Replica</th>
          <th className="number">Size</th>
          <th className="number">Queued for</th>
          <th className="number">In the pipeline</th>
          <th>Computed</th>
        </tr>
      </thead>
      <tbody>
        {seen
          .slice(-20)
          .toReversed()
          .map((each) => (
            <tr key={each.number}>
              <td className="number">{each.number}</td>
              <td>{each.model}</td>
              <td className="number">{each.replica}</td>
              <td className="number">
                {counted(each.texts, "text")}, {counted(each.tokens, "token")}
              </td>
              <td className="number">{milliseconds(each.sent_at - each.queued_at)}</td>
              <td className="number">{milliseconds(each.received_at - each.sent_at)}</td>
              <td>
                {each.stages
                  .map(({ stage, started_at: start, ended_at: end }) => `stage ${stage}: ${milliseconds(end - start)}`)
                  .join(", ")}
              </td>
            </tr>
          ))}
      </tbody>
    </WideTable>
  );
}
