/**
 * @file Where the gateway, the stages and the links of the topology are drawn.
 *
 * Side by side where the width is enough for all stages of a pipeline, one below the other where it is not. All in CSS pixels.
 */

export type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

export type DrawnLink = {
  /** Of an SVG path, drawn in the direction of the data. */
  readonly path: string;
  readonly label: { readonly x: number; readonly y: number; readonly anchor: "start" | "middle" };
  /** Where it goes, if one cannot see that. */
  readonly note?: string;
};

export type DrawnReplica = {
  readonly title: { readonly x: number; readonly y: number };
  readonly stages: readonly Box[];
  /** From the gateway to stage 0, from stage to stage, and back to the gateway. */
  readonly links: readonly DrawnLink[];
};

export type TopologyLayout = {
  readonly width: number;
  readonly height: number;
  readonly gateway: Box;
  readonly replicas: readonly DrawnReplica[];
};

const STAGE = { width: 268, height: 124 };
const GATEWAY_WIDTH = 150;
const GAP = 96;
/** Above a row: its title; below it: the way back to the gateway. */
const TITLE = 30;
const RETURN = 40;
const DOWN = 46;

/** @param stageCounts - stages of each replica @param width - of the picture */
export function layoutTopology(stageCounts: readonly number[], width: number): TopologyLayout {
  const most = Math.max(0, ...stageCounts);
  const needed = GATEWAY_WIDTH + most * (STAGE.width + GAP);
  return needed <= width ? sideBySide(stageCounts, width) : stacked(stageCounts, width);
}

function sideBySide(stageCounts: readonly number[], width: number): TopologyLayout {
  const most = Math.max(1, ...stageCounts);
  // What is left over goes into the links, as far as they can use it.
  const gap = Math.min(180, (width - GATEWAY_WIDTH - most * STAGE.width) / most);
  const rowHeight = TITLE + STAGE.height + RETURN;
  const height = Math.max(1, stageCounts.length) * rowHeight;
  const gateway = { x: 1, y: TITLE, width: GATEWAY_WIDTH, height: height - TITLE - 8 };
  const right = gateway.x + gateway.width;
  const replicas = stageCounts.map((count, row): DrawnReplica => {
    const y = row * rowHeight + TITLE;
    const middle = y + STAGE.height / 2;
    const stages = Array.from({ length: count }, (_, stage) => ({
      ...STAGE,
      x: right + gap + stage * (STAGE.width + gap),
      y,
    }));
    const forward = stages.map(({ x }) => ({
      path: `M ${x - gap} ${middle} H ${x - 2}`,
      label: { x: x - gap / 2, y: middle - 24, anchor: "middle" as const },
    }));
    const last = stages.at(-1);
    const low = y + STAGE.height + 18;
    const back = last && {
      path: `M ${last.x + last.width / 2} ${y + STAGE.height} V ${low} H ${right + 2}`,
      label: { x: right + gap / 2, y: low - 24, anchor: "middle" as const },
    };
    return { title: { x: right + gap, y: y - 10 }, stages, links: back === undefined ? forward : [...forward, back] };
  });
  return { width, height, gateway, replicas };
}

function stacked(stageCounts: readonly number[], width: number): TopologyLayout {
  const gateway = { x: 1, y: 2, width: width - 2, height: 92 };
  let y = gateway.y + gateway.height;
  const replicas = stageCounts.map((count): DrawnReplica => {
    y += TITLE;
    const title = { x: 1, y: y - 8 };
    const down = (top: number): DrawnLink => ({
      path: `M 24 ${top} V ${top + DOWN - 2}`,
      label: { x: 36, y: top + DOWN / 2 - 6, anchor: "start" },
    });
    const links: DrawnLink[] = [];
    const stages = Array.from({ length: count }, () => {
      links.push(down(y));
      y += DOWN;
      const box = { x: 1, y, width: width - 2, height: STAGE.height };
      y += STAGE.height;
      return box;
    });
    if (count > 0) links.push({ ...down(y), note: "back to the gateway" });
    y += count > 0 ? DOWN + 8 : 0;
    return { title, stages, links };
  });
  return { width, height: y, gateway, replicas };
}
