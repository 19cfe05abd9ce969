import { useQuery } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import { Problem } from "../ui/Problem.tsx";

export function JobsPage() {
  const { data, error } = useQuery({
    queryKey: ["jobs"],
    queryFn: () => call<{ data: { id: string }[] }>("/v1/fine_tuning/jobs"),
  });
  return (
    <>
      <h1>Jobs</h1>
      {error !== null && <Problem error={error} />}
      {data?.data.map(({ id }) => (
        <p key={id}>{id}</p>
      ))}
    </>
  );
}
