/** @file What can be done to a job now: pause, resume, cancel (asked twice), or make one like it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client.ts";
import { linkTo } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import { jobPath } from "./jobQueries.ts";
import { isOver, type Job } from "./jobTypes.ts";

type Action = "pause" | "resume" | "cancel";

const doing: Readonly<Record<Action, string>> = { pause: "Pausing…", resume: "Resuming…", cancel: "Cancelling…" };

export function JobActions({ job }: { readonly job: Job }) {
  const queryClient = useQueryClient();
  const [isSure, setIsSure] = useState(false);
  const { mutate, isPending, variables, error } = useMutation({
    mutationFn: (action: Action) => call<Job>(`${jobPath(job.id)}/${action}`, { method: "POST" }),
    onSuccess: (now) => queryClient.setQueryData(["job", job.id], now),
    onSettled: () => setIsSure(false),
  });
  const button = (action: Action, text: string, isQuiet = true) => (
    <button type="button" className={isQuiet ? "quiet" : ""} disabled={isPending} onClick={() => mutate(action)}>
      {isPending && variables === action ? doing[action] : text}
    </button>
  );
  return (
    <div className="row actions">
      {(job.status === "queued" || job.status === "running") && button("pause", "Pause")}
      {job.status === "paused" && button("resume", "Resume", false)}
      {!isOver(job) && !isSure && (
        <button type="button" className="quiet" onClick={() => setIsSure(true)}>
          Cancel…
        </button>
      )}
      {!isOver(job) && isSure && (
        <>
          {button("cancel", "Yes, cancel it for good", false)}
          <button type="button" className="quiet" onClick={() => setIsSure(false)}>
            No, let it be
          </button>
        </>
      )}
      <a className="button quiet" href={linkTo(["jobs", "new"], { like: job.id })}>
        New job like this
      </a>
      {error !== null && <Problem error={error} />}
    </div>
  );
}
