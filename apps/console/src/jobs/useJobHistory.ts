/** @file A job as it happens. */
import { useEffect, useState } from "react";
import { followJob, type Connection } from "./followJob.ts";
import { JobHistory } from "./jobHistory.ts";

/**
 * @param jobId - the same as long as the component is there
 * @param onNews - called when something other than progress was told: the job's state may be another
 * @returns the history, which is changed in place: the component is drawn again after it was
 */
export function useJobHistory(
  jobId: string,
  onNews: () => void,
): { readonly history: JobHistory; readonly connection: Connection; readonly error: unknown } {
  const [history] = useState(() => new JobHistory());
  const [, setRevision] = useState(0);
  const [connection, setConnection] = useState<Connection>("opening");
  const [error, setError] = useState<unknown>(null);
  useEffect(
    () =>
      followJob(jobId, {
        history,
        onChange: (isNews) => {
          setRevision((before) => before + 1);
          if (isNews) onNews();
        },
        onConnection: setConnection,
        onRefused: setError,
      }),
    [jobId, history, onNews],
  );
  return { history, connection, error };
}
