/** @file The pages below `#/jobs`. */
import { useRoute } from "../shell/useRoute.ts";
import { ComparePage } from "./ComparePage.tsx";
import { JobList } from "./JobList.tsx";
import { JobPage } from "./JobPage.tsx";
import { NewJobPage } from "./NewJobPage.tsx";
import "./jobs.css";

export function JobsPage() {
  const { parts, query } = useRoute();
  const [, name] = parts;
  switch (name) {
    case undefined:
      return <JobList />;
    case "new":
      return <NewJobPage />;
    case "compare":
      return <ComparePage ids={(query.get("ids") ?? "").split(",").filter(Boolean)} />;
    default:
      return <JobPage key={name} id={name} />;
  }
}
