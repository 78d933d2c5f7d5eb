import { batteryStatus, type BatteryStatus, drained } from '../physics/battery.ts';
import type { Refusal } from './refusal.ts';
import type { VirtualToken } from './token.ts';

/** Why no key does anything, or null. */
export function powerRefusal(token: VirtualToken, trueMs: number): Refusal | null {
  const state = powerOf(token, trueMs);
  if (state === 'out') return { code: 'battery-out' };
  if (state !== 'dead') return null;
  return { code: token.battery?.replacement === null ? 'battery-dead-sealed' : 'battery-dead' };
}

/** The token after it has made so many responses. */
export function afterPresses(token: VirtualToken, presses: number): VirtualToken {
  if (token.battery === null || presses === 0) return token;
  return { ...token, battery: drained(token.battery, presses) };
}

/** What is left of the charge in whole percent: all of it, where no battery is ever needed. */
export function chargePercent({ battery }: Pick<VirtualToken, 'battery'>, trueMs: number): number {
  return battery === null ? 100 : Math.floor(batteryStatus(battery, trueMs).charge * 100);
}

/** How the battery stands; one that is never needed is always good. */
export function powerOf({ battery }: VirtualToken, trueMs: number): BatteryStatus['state'] {
  return battery === null ? 'good' : batteryStatus(battery, trueMs).state;
}
