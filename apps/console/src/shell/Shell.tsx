/** @file The frame of every page: where one can go, what the server is, and the question for a key. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useKeyIsWanted } from "../api/apiKey.ts";
import { call } from "../api/client.ts";
import type { ServerInfo } from "../api/types.ts";
import { AttentionPage } from "../attention/AttentionPage.tsx";
import { JobsPage } from "../jobs/JobsPage.tsx";
import { OverviewPage } from "../overview/OverviewPage.tsx";
import { TryPage } from "../try/TryPage.tsx";
import { KeyQuestion } from "./KeyQuestion.tsx";
import { linkTo, useRoute } from "./useRoute.ts";

const pages = [
  { name: "overview", title: "Overview", Page: OverviewPage },
  { name: "jobs", title: "Jobs", Page: JobsPage },
  { name: "try", title: "Try it", Page: TryPage },
  { name: "attention", title: "Attention", Page: AttentionPage },
] as const;

export function Shell() {
  const { parts } = useRoute();
  const isKeyWanted = useKeyIsWanted();
  const current = pages.find(({ name }) => name === parts[0]) ?? pages[0];
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${current.title} · Stagecoach`;
  }, [current.title]);
  return (
    <>
      <a
        className="skip-link"
        href="#main"
        onClick={(event) => {
          // The hash is where the page is: it stays.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header className="top">
        <a className="brand" href={linkTo([])}>
          Stagecoach
        </a>
        <nav aria-label="Pages">
          {pages.map(({ name, title }) => (
            <a key={name} href={linkTo([name])} aria-current={name === current.name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <ServerLine />
      </header>
      <main ref={main} id="main" className={`page-${current.name}`} tabIndex={-1}>
        {isKeyWanted ? <KeyQuestion /> : <current.Page />}
      </main>
    </>
  );
}

function ServerLine() {
  const { data, error } = useQuery({
    queryKey: ["info"],
    queryFn: () => call<ServerInfo>("/info"),
    refetchInterval: 10_000,
  });
  if (error !== null) return <p className="server-line is-bad">no answer from the server</p>;
  if (data === undefined) return <p className="server-line" />;
  return (
    <p className="server-line">
      {data.model_id} · {data.version}
    </p>
  );
}
