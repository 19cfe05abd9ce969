/** @file The model view of BertViz (Vig 2019): a thumbnail of every head, layers from top to bottom. Each is a link to itself, large. */
import { useQueries } from "@tanstack/react-query";
import { useCallback, type KeyboardEvent } from "react";
import { Problem } from "../ui/Problem.tsx";
import { layerGroups, readThumbnails, type Asked, type Reading } from "./attentionAnswer.ts";
import { heatImage } from "./heatImage.ts";
import { placesOf, type Spans } from "./pairFilter.ts";
import { useCanvas, type Drawing } from "./useCanvas.ts";
import { useIsDark } from "../ui/useIsDark.ts";

type ModelViewProps = {
  readonly asked: Asked;
  readonly reading: Reading;
  readonly spans: Spans;
  readonly chosen: { readonly layer: number; readonly head: number | null };
  readonly hrefOf: (layer: number, head: number) => string;
};

export function ModelView({ asked, reading, spans, chosen, hrefOf }: ModelViewProps) {
  const { numLayers, numHeads, tokens } = reading;
  const found = useQueries({
    queries: layerGroups(reading).map((layers) => ({
      queryKey: ["attention", "thumbnails", asked, layers],
      queryFn: ({ signal }: { signal: AbortSignal }) => readThumbnails(asked, layers, signal),
      staleTime: Infinity,
    })),
  });
  const ofLayer = new Map(found.flatMap(({ data = [] }) => data).map(({ layer, matrices }) => [layer, matrices]));
  const error = found.find((each) => each.error !== null)?.error;
  const entry = chosen.head === null ? { layer: 0, head: 0 } : { layer: chosen.layer, head: chosen.head };
  return (
    <>
      <p className="attention-hint muted">
        Choose a head to see it large. Tab goes to the grid, arrow keys from head to head, Enter opens one.
      </p>
      {error != null && <Problem error={error} />}
      <div className="model-view-frame">
        <table className="model-view" style={{ ["--heads" as string]: numHeads }}>
          <caption className="visually-hidden">Heads of all layers</caption>
          <thead>
            <tr>
              <th scope="col">layer</th>
              {placesOf({ start: 0, end: numHeads }).map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {placesOf({ start: 0, end: numLayers }).map((layer) => (
              <tr key={layer}>
                <th scope="row">{layer}</th>
                {placesOf({ start: 0, end: numHeads }).map((head) => {
                  const values = ofLayer.get(layer)?.[head];
                  const isChosen = chosen.layer === layer && chosen.head === head;
                  return (
                    <td key={head}>
                      <a
                        href={hrefOf(layer, head)}
                        data-head={`${layer}-${head}`}
                        aria-label={`layer ${layer}, head ${head}`}
                        aria-current={isChosen ? "true" : undefined}
                        tabIndex={entry.layer === layer && entry.head === head ? 0 : -1}
                        onKeyDown={(event) => moveFocus(event, { layer, head })}
                      >
                        {values === undefined ? (
                          <span className="thumbnail is-waiting" />
                        ) : (
                          <Thumbnail values={values} spans={spans} length={tokens.length} />
                        )}
                      </a>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

type ThumbnailProps = { readonly values: Uint8Array; readonly spans: Spans; readonly length: number };

function Thumbnail({ values, spans, length }: ThumbnailProps) {
  const isDark = useIsDark();
  const draw = useCallback(
    ({ context, width, height }: Drawing) => {
      const image = heatImage(values, { spans, length, most: 255, isDark });
      context.imageSmoothingEnabled = image.width > width;
      context.drawImage(image, 0, 0, width, height);
    },
    [values, spans, length, isDark],
  );
  return <canvas ref={useCanvas(draw)} className="thumbnail" />;
}

function moveFocus(
  event: KeyboardEvent<HTMLAnchorElement>,
  { layer, head }: { readonly layer: number; readonly head: number },
): void {
  const next = {
    ArrowUp: [layer - 1, head],
    ArrowDown: [layer + 1, head],
    ArrowLeft: [layer, head - 1],
    ArrowRight: [layer, head + 1],
  }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  event.currentTarget
    .closest("table")
    ?.querySelector<HTMLElement>(`[data-head="${next.join("-")}"]`)
    ?.focus();
}
