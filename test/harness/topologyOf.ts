/** @file What a real server tells of its stages. */
import type { TopologyAnswer } from "../../apps/server/src/http/topologySchemas.ts";
import type { TestServer } from "./startServer.ts";

export async function topologyOf(server: Pick<TestServer, "get">): Promise<TopologyAnswer> {
  return (await (await server.get("/topology")).json()) as TopologyAnswer;
}
