/** @file All that is known of each stage, as a table. */
import type { Topology } from "./answers.ts";
import { bytes, counted, duration, layerRange, percent, perSecond } from "./figures.ts";
import { WideTable } from "./WideTable.tsx";

export function TopologyTable({ topology }: { readonly topology: Topology }) {
  const { replicas, now } = topology;
  return (
    <WideTable summary="Stages as a table" label="Stages">
      <thead>
        <tr>
          <th>Stage</th>
          <th>State</th>
          <th>Layers</th>
          <th>Worker</th>
          <th>Engine</th>
          <th className="number">Weights</th>
          <th className="number">Memory</th>
          <th className="number">Busy</th>
          <th className="number">Sending</th>
          <th className="number">Waiting</th>
          <th className="number">Micro-batches</th>
          <th>Last loss</th>
        </tr>
      </thead>
      <tbody>
        {replicas.flatMap(({ replica, stages }) =>
          stages.map((each) => (
            <tr key={`${replica}/${each.stage}`}>
              <th scope="row">
                {replica}.{each.stage}
              </th>
              <td className={`state-${each.state}`}>{each.state}</td>
              <td>{layerRange(each.layers)}</td>
              <td>
                {each.worker === null ? "none" : `${each.worker.id}: process ${each.worker.pid} on ${each.worker.host}`}
              </td>
              <td>{each.engine ?? counted(each.threads, "thread")}</td>
              <td className="number">{bytes(each.parameter_bytes)}</td>
              <td className="number">{bytes(each.resident_bytes)}</td>
              <td className="number">{each.work === null ? "–" : percent(each.work.busy)}</td>
              <td className="number">{each.work === null ? "–" : percent(each.work.sending)}</td>
              <td className="number">{each.work === null ? "–" : percent(each.work.waiting)}</td>
              <td className="number">{perSecond(each.work?.micro_batches_per_second ?? null)}</td>
              <td>
                {each.last_loss === null
                  ? "never"
                  : `${duration(now - each.last_loss.at)} ago: ${each.last_loss.reason}; ${counted(each.restarts, "restart")}`}
              </td>
            </tr>
          )),
        )}
      </tbody>
    </WideTable>
  );
}
