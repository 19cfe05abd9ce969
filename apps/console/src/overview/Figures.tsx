/** @file What waits, what is at work, and which models are loaded. */
import type { Topology } from "./answers.ts";
import { bytes, counted, perSecond } from "./figures.ts";

export function Figures({ topology }: { readonly topology: Topology }) {
  const { queue, requests, models, replicas, standby } = topology;
  // Each micro-batch goes through all stages of one replica: the first one counts it.
  const rate = (key: "micro_batches_per_second" | "tokens_per_second") => {
    const told = replicas.flatMap(({ stages }) => stages[0]?.work?.[key] ?? []);
    return told.length === 0 ? null : told.reduce((a, b) => a + b);
  };
  return (
    <div className="figures">
      <Figure title="Requests at work" value={String(requests.in_progress)} note={`of ${requests.max} places`} />
      <Figure
        title="Waiting in the queue"
        value={counted(queue.texts, "text")}
        note={`${counted(queue.tokens, "token")} of at most ${queue.max_tokens.toLocaleString("en")}`}
      />
      <Figure
        title="Micro-batches"
        value={perSecond(rate("micro_batches_per_second"))}
        note={`${perSecond(rate("tokens_per_second")).replace("/s", "")} tokens a second`}
      />
      <section className="card figure models">
        <h2>Models loaded</h2>
        {models.length === 0 ? (
          <p className="muted">None yet: the server is starting.</p>
        ) : (
          <ul>
            {models.map(({ name, is_own: isOwn, is_loaded: isLoaded, parameter_bytes: size }) => (
              <li key={name}>
                <strong>{name}</strong>{" "}
                <span className="muted">
                  {bytes(size)}
                  {isOwn ? ", the server's own" : ""}
                  {isLoaded ? "" : isOwn ? ", not up" : ", being loaded"}
                </span>
              </li>
            ))}
          </ul>
        )}
        {standby.length > 0 && <p className="muted">{counted(standby.length, "worker")} standing by.</p>}
      </section>
    </div>
  );
}

function Figure({ title, value, note }: { readonly title: string; readonly value: string; readonly note: string }) {
  return (
    <section className="card figure">
      <h2>{title}</h2>
      <p className="value">{value}</p>
      <p className="muted">{note}</p>
    </section>
  );
}
