/** @file A matrix as a picture of one pixel for each cell: the canvas scales it, which is much faster than to draw cells one by one. */
import type { Spans } from "./pairFilter.ts";

type HeatOptions = {
  readonly spans: Spans;
  /** Of the whole matrix. */
  readonly length: number;
  /** What is drawn at full strength. */
  readonly most: number;
  readonly isDark: boolean;
};

/** The accent of the theme, in the light and in the dark. */
const red = [10, 107] as const;
const green = [95, 181] as const;
const blue = [168, 245] as const;

/** Strength of colour is the square root of the value, so that small ones show. @param values - `[length, length]` */
export function heatImage(
  values: Float32Array | Uint8Array,
  { spans: { looking, seen }, length, most, isDark }: HeatOptions,
): OffscreenCanvas {
  const [rows, columns] = [looking.end - looking.start, seen.end - seen.start];
  const image = new ImageData(columns, rows);
  const { data } = image;
  const theme = isDark ? 1 : 0;
  let at = 0;
  for (let row = looking.start; row < looking.end; row++) {
    for (let column = seen.start; column < seen.end; column++, at += 4) {
      data[at] = red[theme];
      data[at + 1] = green[theme];
      data[at + 2] = blue[theme];
      data[at + 3] = Math.sqrt(values[row * length + column]! / most) * 255;
    }
  }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d")!.putImageData(image, 0, 0);
  return small;
}
