/** What the page takes from the browser around it, so that nothing else reads a clock. */
export interface World {
  /** Never falls. */
  monotonicMs(): number;
  /** `2026-11-26 14:30:05`, in UTC. */
  timeText(atMs: number): string;
  after(durationMs: number, work: () => void): void;
}

/** `1 d 3 h`, `12 s`: the two largest units. */
export function durationText(durationMs: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ];
  let restMs = Math.abs(durationMs);
  const parts: string[] = [];
  for (const [unit, unitMs] of units) {
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0) parts.push(`${String(count)} ${unit}`);
  }
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ');
}

/** `+1.234 s`, `-2 h 3 min`: how wrong a clock is. */
export function errorText(errorMs: number): string {
  const sign = errorMs < 0 ? '\u2212' : '+';
  const sizeMs = Math.abs(errorMs);
  return sizeMs < 120_000 ? `${sign}${(sizeMs / 1000).toFixed(3)} s` : sign + durationText(sizeMs);
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `+90s`, `-1h30m`, `500ms`, `3d`; null for anything else. */
export function parseDuration(text: string): number | null {
  const compact = text.replace(/\s+/g, '').replace('\u2212', '-');
  const [, sign, parts] =
    /^([+-]?)((?:\d{1,9}(?:\.\d{1,3})?(?:ms|min|[smhd]))+|0)$/.exec(compact) ?? [];
  if (parts === undefined) return null;
  let sumMs = 0;
  for (const [, count, unit] of parts.matchAll(/([\d.]+)(ms|min|[smhd])/g)) {
    sumMs += Number(count) * (unitMs[unit ?? ''] ?? 0);
  }
  return Math.round(sign === '-' ? -sumMs : sumMs);
}
