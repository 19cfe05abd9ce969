/**
 * @file The head view of BertViz (Vig 2019): tokens that look on the left, tokens that are seen on the right, and a line for each pair and
 * head, the stronger the more attention. A token under the pointer, or with the focus, shows its own lines alone, with their numbers.
 */
import { useCallback, useState, type KeyboardEvent } from "react";
import type { AttentionToken } from "./attentionAnswer.ts";
import { headColour, headLines, MAX_LINES, type Place } from "./headLines.ts";
import { placesOf, type Spans } from "./pairFilter.ts";
import { useCanvas, type Drawing } from "./useCanvas.ts";
import { useIsDark } from "../ui/useIsDark.ts";
import { labelOf, meanAt, weightText } from "./weights.ts";

type HeadViewProps = {
  readonly tokens: readonly AttentionToken[];
  readonly spans: Spans;
  readonly numHeads: number;
  /** Those that are drawn. */
  readonly matrices: readonly { readonly head: number; readonly values: Float32Array }[];
};

/** Tokens from which on rows are thin. */
const MANY_TOKENS = 64;

export function HeadView({ tokens, spans, numHeads, matrices }: HeadViewProps) {
  const [hovered, setHovered] = useState<Place | null>(null);
  const [focused, setFocused] = useState<Place | null>(null);
  const only = hovered ?? focused;
  const isDark = useIsDark();
  const rowHeight = tokens.length > MANY_TOKENS ? 15 : 24;
  const length = tokens.length;
  const draw = useCallback(
    ({ context, width }: Drawing) => {
      context.lineWidth = only === null ? 1.5 : 2;
      const order = new Map(matrices.map(({ head }, index) => [head, (index + 0.5) / matrices.length]));
      for (const { head, opacity, ends } of headLines(matrices, { length, spans, only })) {
        // Lines of several heads between the same two tokens lie beside each other.
        const middle = (row: number) => (row + 0.2 + 0.6 * order.get(head)!) * rowHeight;
        context.strokeStyle = headColour(head, { numHeads, isDark });
        context.globalAlpha = opacity;
        context.beginPath();
        for (let at = 0; at < ends.length; at += 2) {
          context.moveTo(0, middle(ends[at]! - spans.looking.start));
          context.lineTo(width, middle(ends[at + 1]! - spans.seen.start));
        }
        context.stroke();
      }
    },
    [matrices, length, spans, only, numHeads, isDark, rowHeight],
  );
  const canvas = useCanvas(draw);
  const rows = Math.max(...[spans.looking, spans.seen].map(({ start, end }) => end - start));

  /** Of a token on the other side than the one that is looked at alone. */
  const weightAt = (side: Place["side"], place: number): number | null => {
    if (only === null || only.side === side || matrices.length === 0) return null;
    const [from, to] = side === "seen" ? [only.place, place] : [place, only.place];
    const values = matrices.map((each) => each.values);
    return meanAt(values, from * length + to);
  };
  const otherSide = only?.side === "looking" ? "seen" : "looking";
  const strongest = placesOf(spans[otherSide])
    .map((place) => ({ place, weight: weightAt(otherSide, place) ?? 0 }))
    .toSorted((a, b) => b.weight - a.weight)
    .slice(0, 4);
  const column = (side: Place["side"]) => (
    <ol aria-label={side === "looking" ? "Tokens that look" : "Tokens that are seen"}>
      {placesOf(spans[side]).map((place) => {
        const weight = weightAt(side, place);
        const isCurrent = only?.side === side && only.place === place;
        const isEntry = focused?.side === side ? focused.place === place : place === spans[side].start;
        return (
          <li key={place}>
            <button
              type="button"
              data-place={`${side}-${place}`}
              className={isCurrent ? "token is-current" : "token"}
              tabIndex={isEntry ? 0 : -1}
              onFocus={() => setFocused({ side, place })}
              onBlur={() => setFocused(null)}
              onPointerEnter={() => setHovered({ side, place })}
              onPointerLeave={() => setHovered(null)}
              onKeyDown={(event) => moveFocus(event, { side, place }, spans)}
            >
              <span className="token-name">{labelOf(tokens[place]!)}</span>
              {weight !== null && <span className="token-weight">{weightText(weight)}</span>}
              {weight !== null && <span className="token-bar" style={{ width: `${weight * 100}%` }} />}
            </button>
          </li>
        );
      })}
    </ol>
  );
  return (
    <>
      <p className="attention-hint muted">
        Point at a token, or go to it with Tab and the arrow keys: its own lines stay, with their numbers
        {matrices.length > 1 ? " (means over the heads that are on)." : "."}
        {tokens.length > MANY_TOKENS && ` Of all lines, about the ${MAX_LINES} strongest are drawn.`}
      </p>
      <p className="head-view-sum" aria-live="polite">
        {only !== null && matrices.length > 0 && (
          <>
            <strong>{labelOf(tokens[only.place]!)}</strong>{" "}
            {only.side === "looking" ? "looks most at " : "is seen most by "}
            {strongest.map(({ place, weight }) => `${labelOf(tokens[place]!)} ${weightText(weight)}`).join(", ")}
          </>
        )}
      </p>
      <div className="head-view-top" aria-hidden="true">
        <span>looks</span>
        <span />
        <span>is seen</span>
      </div>
      <div
        className={tokens.length > MANY_TOKENS ? "head-view is-thin" : "head-view"}
        style={{ gridAutoRows: rowHeight * rows, ["--row" as string]: `${rowHeight}px` }}
      >
        {column("looking")}
        <canvas ref={canvas} aria-hidden="true" />
        {column("seen")}
      </div>
    </>
  );
}

function moveFocus(event: KeyboardEvent<HTMLButtonElement>, { side, place }: Place, spans: Spans): void {
  const other = side === "looking" ? "seen" : "looking";
  const wanted = {
    ArrowUp: { side, place: place - 1 },
    ArrowDown: { side, place: place + 1 },
    Home: { side, place: spans[side].start },
    End: { side, place: spans[side].end - 1 },
    ArrowLeft: side === "seen" ? { side: other, place } : undefined,
    ArrowRight: side === "looking" ? { side: other, place } : undefined,
  }[event.key] as Place | undefined;
  if (wanted === undefined) return;
  event.preventDefault();
  const { start, end } = spans[wanted.side];
  const inside = Math.min(end - 1, Math.max(start, wanted.place));
  event.currentTarget
    .closest(".head-view")
    ?.querySelector<HTMLElement>(`[data-place="${wanted.side}-${inside}"]`)
    ?.focus();
}
