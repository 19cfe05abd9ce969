/** @file A time that has passed, in the two largest units that it fills. */

/** `8 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h` */
export function shownDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  const first = units.findIndex(([size]) => whole >= size);
  if (first === -1) return "0 s";
  const [size, name] = units[first]!;
  const next = units[first + 1];
  const rest = next === undefined ? 0 : Math.floor((whole % size) / next[0]);
  return `${Math.floor(whole / size)} ${name}${rest === 0 ? "" : ` ${rest} ${next![1]}`}`;
}
