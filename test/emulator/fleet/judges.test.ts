import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { parseApplicationText } from '../../../emulator/index.ts';
import { describeLayer } from '../../support/layers.ts';
import { fleet, rowsOf, runOf } from './support.ts';

const scenario = `version: 1
seed: NOT-FOR-PRODUCTION judged
start: 2026-01-01T00:00:00Z
for: P10D
tokens:
  - { serials: VT10000001, profile: one-button-time }
  - { serials: VT10000002, profile: one-button-time, algorithm: TOTP-SHA256-8-60S, drift: cheap }
  - { serials: VT10000003, profile: one-button-time, algorithm: TOTP-SHA512-7-45S, drift: phone }
  - { serials: VT10000004, profile: one-button-event }
  - { serials: VT10000005, profile: one-button-event, algorithm: HOTP-SHA1-8 }
  - { serials: VT10000006, profile: keypad-multi, application: TIME, drift: warehouse }
  - { serials: VT10000007, profile: keypad-multi, application: EVENT }
`;

const tool = 'oathtool';

interface Judged {
  readonly key: string;
  readonly deviceMs: number;
  readonly counter: number | null;
}

function judged(application: string, { key, deviceMs, counter }: Judged): string {
  const { algorithm } = parseApplicationText(application);
  if (algorithm.kind !== 'time' && algorithm.kind !== 'event') throw new Error('no such tool');
  const digits = [`--digits=${String(algorithm.digits)}`];
  const factor =
    algorithm.kind === 'event'
      ? [`--counter=${String(counter)}`]
      : [
          `--totp=${algorithm.hash.toLowerCase()}`,
          `--time-step-size=${String(algorithm.timeStepSeconds)}s`,
          `--now=@${String(Math.floor(deviceMs / 1000))}`,
        ];
  return execFileSync(tool, [...factor, ...digits, key], { encoding: 'utf8' }).trim();
}

describeLayer('oathtool', 'oathtool', () => {
  it('shows what the tokens of a fleet show, at the time that their clocks believe', () => {
    const drawn = fleet(scenario);
    const rows = rowsOf(runOf(drawn));
    for (const { serial, application, key } of drawn.tokens) {
      const shown = rows.filter((row) => row.serial === serial && row.otp !== null);
      expect(shown.length, application).toBeGreaterThan(3);
      for (const { otp, deviceMs, counter } of shown) {
        expect(otp, application).toBe(judged(application, { key, deviceMs, counter }));
      }
    }
  });
});
