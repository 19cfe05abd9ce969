/** @file Numbers as this page writes them: three digits at most that matter, and the unit. */

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

/** A time that has passed, in the two largest units that it fills: `3 min 20 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

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
