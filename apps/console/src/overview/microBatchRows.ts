/** @file Micro-batches as rows of a Gantt picture, one row for each stage of each replica. */
import type { MicroBatch } from "./answers.ts";
import { counted, milliseconds } from "./figures.ts";
import type { Row } from "./ganttLayout.ts";

const NUM_SERIES = 6;

type Place = { readonly replica: number; readonly stage: number };

export function microBatchRows(seen: readonly MicroBatch[], places: readonly Place[]): Row[] {
  const hasReplicas = places.some(({ replica }) => replica > 0);
  return places.map(({ replica, stage }) => ({
    label: hasReplicas ? `replica ${replica} stage ${stage}` : `stage ${stage}`,
    bars: seen
      .filter((each) => each.replica === replica)
      .flatMap((each) => {
        const own = each.stages.find((times) => times.stage === stage);
        if (own === undefined) return [];
        return [
          {
            key: `${each.number}/${stage}`,
            start: own.started_at,
            end: own.ended_at,
            series: ((each.number - 1) % NUM_SERIES) + 1,
            text: String(each.number),
            detail: detailOf(each, stage),
          },
        ];
      }),
  }));
}

function detailOf(each: MicroBatch, stage: number): string {
  const { number, model, texts, tokens, stages } = each;
  const times = stages.map((own) => `stage ${own.stage} ${milliseconds(own.ended_at - own.started_at)}`);
  const size = `${counted(texts, "text")}, ${counted(tokens, "token")}`;
  const queued = `queued for ${milliseconds(each.sent_at - each.queued_at)}`;
  const whole = `${milliseconds(each.received_at - each.sent_at)} from the gateway and back`;
  return `Micro-batch ${number} on stage ${stage} · ${size} · ${model} · ${queued}, then ${whole}, of it ${times.join(", ")}`;
}
