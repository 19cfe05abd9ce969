/**
 * @file Similarities as colours: orange below 0, the surface's own at 0, blue above; told apart by colour-blind eyes, and with the
 * colour of text that can be read on each.
 */

export type Rgb = readonly [red: number, green: number, blue: number];

/** At -1, 0 and 1. Okabe and Ito's blue and vermilion (2008), in the dark lighter. */
const stops: Readonly<Record<"light" | "dark", readonly [Rgb, Rgb, Rgb]>> = {
  light: [
    [194, 87, 0],
    [255, 255, 255],
    [0, 90, 150],
  ],
  dark: [
    [240, 150, 50],
    [29, 33, 41],
    [110, 195, 250],
  ],
};

/** @param value - from -1 to 1; what is beyond has the colour of the end */
export function colourOf(value: number, scheme: "light" | "dark"): Rgb {
  const [below, middle, above] = stops[scheme];
  const end = value < 0 ? below : above;
  const share = Math.min(1, Math.abs(value));
  const mix = (channel: 0 | 1 | 2) => Math.round(middle[channel] + share * (end[channel] - middle[channel]));
  return [mix(0), mix(1), mix(2)];
}

const black: Rgb = [0, 0, 0];
const white: Rgb = [255, 255, 255];

/** Black or white, whichever has more contrast; that is 4.58 at least (WCAG 2.2, contrast ratio). */
export function textColourOn(colour: Rgb): Rgb {
  return contrast(colour, black) >= contrast(colour, white) ? black : white;
}

/** WCAG 2.2: from 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [darker, lighter] = [luminance(a), luminance(b)].toSorted((x, y) => x - y) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance([red, green, blue]: Rgb): number {
  const linear = (channel: number) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** A value of a range, on the scale's -1 to 1: all of the scale, or, without a range, as it is. */
export function stretched(value: number, [least, most]: readonly [number, number]): number {
  return most > least ? ((value - least) / (most - least)) * 2 - 1 : value;
}
