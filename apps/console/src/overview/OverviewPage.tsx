/** @file What the server does now: its processes, what goes through them, and the last step of a training job. */
import { useQuery } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import { Problem } from "../ui/Problem.tsx";
import type { Topology } from "./answers.ts";
import { Figures } from "./Figures.tsx";
import { JobStep } from "./JobStep.tsx";
import { MicroBatches } from "./MicroBatches.tsx";
import { TopologyPicture } from "./TopologyPicture.tsx";
import { TopologyTable } from "./TopologyTable.tsx";
import "./overview.css";

export function OverviewPage() {
  const { data, error } = useQuery({
    queryKey: ["topology"],
    queryFn: () => call<Topology>("/topology"),
    refetchInterval: 1000,
  });
  return (
    <>
      <h1>Overview</h1>
      {error !== null && (
        <div className="card">
          <Problem error={error} />
          {data !== undefined && (
            <p className="muted">What is shown below is from before. It is asked for again each second.</p>
          )}
        </div>
      )}
      {data === undefined && error === null && <p className="muted">Asking the server…</p>}
      {data !== undefined && <Seen topology={data} />}
    </>
  );
}

function Seen({ topology }: { readonly topology: Topology }) {
  const { gateway, replicas, has_jobs: hasJobs } = topology;
  return (
    <>
      {gateway.phase !== "ready" && (
        <p className="card is-warning" aria-live="polite">
          {gateway.phase === "stopping" ? "The server is stopping." : `The server is starting: ${gateway.phase}.`}
        </p>
      )}
      {gateway.problem !== null && (
        <div className="card">
          <Problem error={new Error(gateway.problem)} />
        </div>
      )}
      <Figures topology={topology} />
      <section className="card" aria-labelledby="topology">
        <h2 id="topology">Pipelines</h2>
        {replicas.length === 0 ? (
          <p className="muted">No stage has been started yet: the model is still being looked for, or downloaded.</p>
        ) : (
          <>
            <TopologyPicture topology={topology} />
            <p className="legend">
              Bars, over the last seconds: <Key of="busy">busy, the engine computes</Key>
              <Key of="sending">sending, results wait for the next stage</Key>
              <Key of="rest">waiting for input</Key>
            </p>
            <TopologyTable topology={topology} />
          </>
        )}
      </section>
      <MicroBatches
        places={replicas.flatMap(({ replica, stages }) => stages.map(({ stage }) => ({ replica, stage })))}
      />
      <JobStep hasJobs={hasJobs} />
    </>
  );
}

function Key({ of, children }: { readonly of: "busy" | "sending" | "rest"; readonly children: string }) {
  return (
    <span className="key">
      <span className={`swatch share-${of}`} /> {children}
    </span>
  );
}
