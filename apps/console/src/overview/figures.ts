/** @file Numbers as this page writes them: three digits at most that matter, and the unit. */
import { shownDuration } from "../ui/shownDuration.ts";

/** `null`, what nobody has told yet, is a dash. */
export function bytes(count: number | null): string {
  if (count === null) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  const step = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  return `${short(count / 1000 ** step)} ${units[step]!}`;
}

export function bytesPerSecond(count: number | null): string {
  return count === null ? "–" : `${bytes(count)}/s`;
}

export function perSecond(count: number | null): string {
  return count === null ? "–" : `${short(count)}/s`;
}

export function percent(share: number): string {
  const of100 = share * 100;
  return `${of100 > 0 && of100 < 1 ? "<1" : Math.round(of100)} %`;
}

export function milliseconds(ms: number): string {
  if (ms >= 60_000) return duration(ms);
  return ms >= 1000 ? `${short(ms / 1000)} s` : `${short(ms)} ms`;
}

export const duration = (ms: number): string => shownDuration(ms / 1000);

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Layers as people count them here: both ends included, global numbers from 0. */
export function layerRange({ start, end }: { readonly start: number; readonly end: number }): string {
  if (end - start === 0) return "no layer";
  return end - start === 1 ? `layer ${start}` : `layers ${start}–${end - 1}`;
}

function short(value: number): string {
  if (value === 0) return "0";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(2).replace(/\.?0+$/, "");
}
