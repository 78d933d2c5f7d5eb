import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeLayer } from '../support/layers.ts';
import { Desk, pin } from './desk-support.ts';

describeLayer('softhsm', 'event counters that are reserved for one workstation', () => {
  let desk: Desk;

  beforeAll(async () => {
    desk = await Desk.open('offlineEventMode=reserved');
    await desk.enrol('other');
  }, 60_000);

  afterAll(() => desk.close());

  const typed = async (): Promise<string> => `${pin}${await desk.press()}`;

  it('serve there alone, until it gives them back before its next logon', async () => {
    expect(await desk.signOn('agent', await typed())).toContain('Signed in.');
    const elsewhere = await typed();
    expect(await desk.signOn('other', elsewhere)).toContain('exit 1');
    let used = '';
    await desk.whileAway(async () => {
      used = await typed();
      expect(await desk.signOn('agent', used)).toContain('Signed in. Offline.');
    });
    expect(await desk.signOn('agent', await typed())).toMatch(
      /^Signed in\.\nThe offline data is renewed/,
    );
    // Refused, and yet the counters went back first: nothing is left to remove.
    expect(await desk.signOn('agent', used)).toContain('exit 1');
    expect(await desk.signOn('other', await typed())).toContain('Signed in.');
  }, 60_000);
});
