/** @file What a job has said, the newest first. */
import { useState } from "react";
import { shownTime } from "./format.ts";
import type { JobEvent } from "./jobTypes.ts";

const PAGE = 50;
const classes: Readonly<Record<JobEvent["level"], string>> = { info: "", warn: "is-warning", error: "is-bad" };

export function JobLog({ messages }: { readonly messages: readonly JobEvent[] }) {
  const [numShown, setNumShown] = useState(PAGE);
  const newest = messages.slice(-numShown).toReversed();
  return (
    <div className="card">
      <h2>Events</h2>
      {messages.length === 0 && <p className="muted">None has come yet.</p>}
      <ol className="log" reversed>
        {newest.map(({ id, created_at: time, level, message }) => (
          <li key={id} className={classes[level]}>
            <time dateTime={new Date(time * 1000).toISOString()}>{shownTime(time)}</time>
            <span>
              {level !== "info" && `${level}: `}
              {message}
            </span>
          </li>
        ))}
      </ol>
      {messages.length > numShown && (
        <button type="button" className="quiet" onClick={() => setNumShown(numShown + PAGE)}>
          Show older events ({messages.length - numShown})
        </button>
      )}
    </div>
  );
}
