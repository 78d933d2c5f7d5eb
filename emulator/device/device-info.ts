import { type Operation, play, refusedAsIs } from './operate.ts';
import { chargePercent } from './power.ts';
import type { VirtualToken } from './token.ts';

/** What the menu behind a long press shows; null for what a model does not have in it. */
export interface DeviceInfo {
  /** What the device takes for the time, Unix milliseconds. */
  readonly deviceTimeMs: number | null;
  /** Of the battery, in whole percent. */
  readonly chargePercent: number | null;
  readonly serial: string | null;
}

/**
 * Holds the button until the menu opens, and reads its items one after the other: with the true time
 * beside it, the first tells how wrong the clock is. The display is off afterwards.
 *
 * @throws EmulatorError input-invalid for a time outside 1970..9999
 */
export function readInfo(
  token: VirtualToken,
  trueMs: number,
): Operation & { readonly info?: DeviceInfo } {
  const { infoMenu } = token.hull;
  if (infoMenu === undefined) return refusedAsIs(token, { code: 'info-none' });
  const { items, longPressMs } = infoMenu;
  const steps = items.map(() => ({ kind: 'press' }) as const);
  const keys = [{ kind: 'press', heldMs: longPressMs } as const, ...steps];
  const played = play(token, keys, trueMs);
  if (!played.ok) return played;
  return {
    ...played,
    info: {
      deviceTimeMs: items.includes('time') ? played.deviceTimeMs : null,
      chargePercent: items.includes('battery') ? chargePercent(token, trueMs) : null,
      serial: items.includes('serial') ? token.serial : null,
    },
  };
}
