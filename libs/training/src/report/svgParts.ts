/**
 * @file What the pictures of reports are made of.
 *
 * The background is transparent, and every colour has a contrast of at least 3 on white and on near-black alike, so that a
 * picture can be read on light and dark pages without knowing which it is on.
 */

export const ink = "#757d88";
export const colours = ["#2f81f7", "#d9730d", "#2da44e", "#a371f7", "#db61a2"] as const;

type SvgFacts = { readonly title: string; readonly width: number; readonly height: number };

export function svgOf(parts: readonly string[], { title, width, height }: SvgFacts): string {
  const label = escapeXml(title);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}" font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    `<title>${label}</title>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

export type Scale = (value: number) => number;

/** From the range of the ticks to a range of pixels. */
export function scaleOf(ticks: readonly number[], [from, to]: readonly [number, number]): Scale {
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

export const roundPixels = (pixels: number): number => Math.round(pixels * 10) / 10;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export const escapeXml = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => entities[character]!);
