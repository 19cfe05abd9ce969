/** @file The gateway, the stages of each pipeline and the links between them, as they are now. */
import { useRef } from "react";
import type { Replica, Stage, StageState, Topology } from "./answers.ts";
import { bytes, bytesPerSecond, counted, duration, layerRange, percent, perSecond } from "./figures.ts";
import { layoutTopology, type Box, type DrawnLink } from "./topologyLayout.ts";
import { useWidth } from "../ui/useWidth.ts";

/** A shape besides the colour. */
const marks: Readonly<Record<StageState, string>> = { up: "●", waiting: "◍", starting: "◌", lost: "✕" };

export function TopologyPicture({ topology }: { readonly topology: Topology }) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const { gateway, replicas, now } = topology;
  const layout = layoutTopology(
    replicas.map(({ stages }) => stages.length),
    Math.max(240, width ?? 0),
  );
  return (
    <div ref={frame} className="topology">
      {width !== null && (
        <svg role="img" aria-label={summaryOf(topology)} width={layout.width} height={layout.height}>
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
              <path d="M 0 0 L 8 4 L 0 8 z" className="arrow" />
            </marker>
          </defs>
          <GatewayBox box={layout.gateway} gateway={gateway} now={now} />
          {replicas.map((replica, index) => {
            const { title, stages, links } = layout.replicas[index]!;
            return (
              <g key={replica.replica}>
                <text className="strong" {...title}>
                  {titleOf(replica)}
                </text>
                {links.map((link, number) => (
                  <LinkLine key={number} link={link} figures={replica.links[number]} />
                ))}
                {replica.stages.map((stage, number) => (
                  <StageBox key={stage.stage} box={stages[number]!} stage={stage} now={now} />
                ))}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

function GatewayBox({
  box,
  gateway,
  now,
}: {
  readonly box: Box;
  readonly gateway: Topology["gateway"];
  readonly now: number;
}) {
  const lines = [
    `process ${gateway.pid}`,
    `up for ${duration(now - gateway.started_at)}`,
    `memory ${bytes(gateway.resident_bytes)}`,
  ];
  return (
    <g transform={`translate(${box.x} ${box.y})`}>
      <rect className="box" width={box.width} height={box.height} rx={6} />
      <text className="strong" x={12} y={22}>
        Gateway
      </text>
      {lines.map((line, index) => (
        <text key={index} className="faint" x={12} y={42 + 18 * index}>
          {line}
        </text>
      ))}
    </g>
  );
}

function StageBox({ box, stage, now }: { readonly box: Box; readonly stage: Stage; readonly now: number }) {
  const { state, work, worker } = stage;
  const inner = box.width - 24;
  return (
    <g
      transform={`translate(${box.x} ${box.y})`}
      className={`stage is-${state}`}
      data-stage={stage.stage}
      data-state={state}
    >
      <rect className="box" width={box.width} height={box.height} rx={6} />
      <text className="strong" x={12} y={22}>
        Stage {stage.stage}
      </text>
      <text className="state" x={box.width - 12} y={22} textAnchor="end">
        {marks[state]} {state}
      </text>
      <text x={12} y={42}>
        {layerRange(stage.layers)} · {bytes(stage.parameter_bytes)}
      </text>
      <text className="faint" x={12} y={60}>
        {worker === null ? "no worker" : `process ${worker.pid} · ${bytes(stage.resident_bytes)}`}
      </text>
      <g transform="translate(12 72)">
        <rect className="share-rest" width={inner} height={8} rx={2} />
        {work !== null && (
          <>
            <rect className="share-busy" width={inner * work.busy} height={8} rx={2} />
            <rect className="share-sending" x={inner * work.busy} width={inner * work.sending} height={8} />
          </>
        )}
      </g>
      <text className="faint shares" x={12} y={96}>
        {work === null ? "nothing heard of its work yet" : sharesOf(work)}
      </text>
      <text className={stage.last_loss === null ? "faint" : "loss"} x={12} y={114}>
        {lossOf(stage, now)}
      </text>
    </g>
  );
}

function LinkLine({
  link,
  figures,
}: {
  readonly link: DrawnLink;
  readonly figures: Replica["links"][number] | undefined;
}) {
  return (
    <g className="link">
      <path d={link.path} markerEnd="url(#arrow)" />
      <text x={link.label.x} y={link.label.y} textAnchor={link.label.anchor}>
        {bytesPerSecond(figures?.bytes_per_second ?? null)}
      </text>
      <text x={link.label.x} y={link.label.y + 16} textAnchor={link.label.anchor}>
        {perSecond(figures?.frames_per_second ?? null).replace("/s", " frames/s")}
        {link.note === undefined ? "" : `, ${link.note}`}
      </text>
    </g>
  );
}

function titleOf({ replica, state, micro_batches_in_flight: inFlight }: Replica): string {
  const what =
    state === "up"
      ? "up"
      : { forming: "waits for workers", loading: "loads its layers", linking: "makes its links" }[state];
  return `Replica ${replica} · ${what} · ${inFlight} in flight`;
}

function sharesOf({ busy, sending, waiting }: NonNullable<Stage["work"]>): string {
  const parts = [
    `busy ${percent(busy)}`,
    ...(sending >= 0.005 ? [`sending ${percent(sending)}`] : []),
    `waiting ${percent(waiting)}`,
  ];
  return parts.join(" · ");
}

function lossOf({ last_loss: loss, restarts }: Stage, now: number): string {
  if (loss === null) return "never lost";
  const ago = `lost ${duration(now - loss.at)} ago`;
  return restarts === 0 ? ago : `${ago} · started again ${restarts} ×`;
}

function summaryOf({ replicas, gateway }: Topology): string {
  const of = replicas.map(
    ({ replica, stages }) =>
      `replica ${replica}: ${stages.map(({ stage, state }) => `stage ${stage} ${state}`).join(", ")}`,
  );
  return `The gateway, process ${gateway.pid}, and ${counted(replicas.length, "pipeline")}. ${of.join("; ")}. The table below has the figures.`;
}
