import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { runTallystick } from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { type Owner, Site, type Workstation } from './offline-support.ts';
import { must } from './support.ts';

/** Devices here have no PIN: one code of sixteen characters stands in for them. */
describeLayer('softhsm', 'a workstation that locked itself, and the help desk', () => {
  let site: Site;
  let keyFile = '';

  beforeAll(async () => {
    site = await Site.open();
    keyFile = await site.keyFile('locking', {
      offlineFailuresMax: 2,
      emergencyUses: 2,
      emergencyOnlineAllowed: true,
    });
    // Who allows it is asked as well.
    const words = ['policy', 'set', 'Base Policy', 'emergencyOnlineAllowed=true'];
    const { code, stderr } = await runTallystick(words, {
      environment: {
        TALLYSTICK_SERVER: site.server.url,
        TALLYSTICK_KEY_FILE: site.installation.adminKeyFile,
      },
    });
    if (code !== 0) throw new Error(stderr);
  });

  afterAll(() => site.close());

  const wrong = '00000000';
  const { locked, refused } = exitCodes;
  const needed = exitCodes['emergency-needed'];

  interface Code {
    readonly id: string;
    readonly text: string;
  }

  /** The live code, read out to the user. */
  async function readOut({ serial }: Owner): Promise<Code> {
    const path = `/v1/authenticators/${serial}/emergency`;
    const { items } = await must(site.admin('GET', path));
    const [live] = (items as { id: string; state: string }[]).filter(
      (each) => each.state === 'live',
    );
    const { id = '' } = live ?? {};
    const reason = { reason: 'left at home' };
    const { code } = await must(site.admin('POST', `${path}/${id}/reveal`, reason));
    return { id, text: String(code) };
  }

  async function equipped(name: string): Promise<{ owner: Owner; made: Workstation; code: Code }> {
    const owner = await site.owner(name, 'event');
    const made = await site.workstation(keyFile);
    await made.equip(owner, owner.shown(0));
    return { owner, made, code: await readOut(owner) };
  }

  async function statusesOf(
    made: Workstation,
    owner: Owner,
    typed: readonly string[],
  ): Promise<readonly number[]> {
    const statuses: number[] = [];
    for (const each of typed) statuses.push((await made.logon(owner, each)).status);
    return statuses;
  }

  it('is opened by the code as often as that is good, and brings another home', async () => {
    const { owner, made, code } = await equipped('opened');
    await made.wire.cut();
    const { text } = code;
    const right = owner.shown(1);
    const tries = [wrong, wrong, right, text.toLowerCase(), right, wrong, wrong, text];
    const came = [refused, needed, needed, 0, 0, refused, needed, 0];
    expect(await statusesOf(made, owner, tries)).toEqual(came);
    // Good twice; a code that is used up opens nothing.
    expect(await statusesOf(made, owner, [wrong, wrong, text])).toEqual([refused, locked, locked]);
    await made.wire.mend();
    await made.equip(owner, owner.shown(2));
    const uses = (await site.audit('emergency.use')).filter(
      ({ subject }) => subject === owner.serial,
    );
    expect(uses).toHaveLength(2);
    const next = await readOut(owner);
    expect(next.text).not.toBe(text);
    await made.wire.cut();
    expect(await statusesOf(made, owner, [wrong, text, next.text])).toEqual([refused, needed, 0]);
  });

  it('destroys its package after three wrong codes', async () => {
    const { owner, made, code } = await equipped('guessed');
    await made.wire.cut();
    const guess = `${code.text.slice(0, -1)}${code.text.endsWith('0') ? '1' : '0'}`;
    expect(await statusesOf(made, owner, [wrong, wrong, guess, guess, guess, code.text])).toEqual([
      ...[refused, needed, needed, needed],
      ...[locked, locked],
    ]);
    expect(await statusesOf(made, owner, [owner.shown(1)])).toEqual([locked]);
    await made.wire.mend();
    await made.equip(owner, owner.shown(1));
  });

  it('takes no code that was reset, once it was at the server', async () => {
    const { owner, made, code } = await equipped('reset');
    const path = `/v1/authenticators/${owner.serial}/emergency/${code.id}`;
    await must(site.admin('PATCH', path, { onlineAllowed: true }));
    await must(site.admin('POST', `${path}/reset`, {}));
    expect(await made.logon(owner, code.text)).toMatchObject({ status: refused, out: '' });
    await made.equip(owner, owner.shown(1));
    const next = await readOut(owner);
    await made.wire.cut();
    const tries = [wrong, wrong, code.text, next.text];
    expect(await statusesOf(made, owner, tries)).toEqual([refused, needed, needed, 0]);
  });

  it('has no code that lets in at the server, unless that was allowed', async () => {
    const { owner, made, code } = await equipped('atserver');
    expect(await made.logon(owner, code.text)).toMatchObject({ status: refused, out: '' });
    const path = `/v1/authenticators/${owner.serial}/emergency/${code.id}`;
    await must(site.admin('PATCH', path, { onlineAllowed: true }));
    expect(await made.logon(owner, code.text)).toMatchObject({ status: 0 });
  });
});
