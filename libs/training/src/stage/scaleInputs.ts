/** @file What a loss is divided by, as inputs of the graphs that compute it. */
import { float32, type HostTensor } from "@stagecoach/engine";

/** @param scales - by loss part @returns `scale.<part>` `[]` */
export function scaleInputs(scales: Readonly<Record<string, number>>): Readonly<Record<string, HostTensor>> {
  return Object.fromEntries(Object.entries(scales).map(([part, scale]) => [`scale.${part}`, float32([scale], [])]));
}
