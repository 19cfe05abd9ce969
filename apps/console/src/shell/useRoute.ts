/** @file Where we are: `#/jobs/ftjob-1?metric=loss`. Links are plain anchors, so that back, forward and bookmarks work. */
import { useMemo, useSyncExternalStore } from "react";

export type RouteOfPage = {
  /** `["jobs", "ftjob-1"]` */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
};

export function useRoute(): RouteOfPage {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => {
    const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
    return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
  }, [hash]);
}

export function linkTo(parts: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search === "" ? "" : `?${search}`}`;
}

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}
