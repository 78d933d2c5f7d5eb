import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { describeLayer } from '../support/layers.ts';
import { Wire } from '../support/wire.ts';
import { type Owner, Site, Workstation } from './offline-support.ts';
import { clientOf, must } from './support.ts';

/** What the rules of offline logons are for, between a server process and real agents. */
describeLayer('softhsm', 'workstations and their server', () => {
  let site: Site;
  let keyFile = '';
  let reservedKeyFile = '';

  beforeAll(async () => {
    site = await Site.open();
    const settings = { genericAnswers: false, userLockThreshold: 10 };
    keyFile = await site.keyFile('shared', settings);
    reservedKeyFile = await site.keyFile('held', { ...settings, offlineEventMode: 'reserved' });
  });

  afterAll(() => site.close());

  /** Without any workstation. */
  async function online({ user }: Owner, response: string): Promise<unknown> {
    const client = clientOf(site.server, readFileSync(keyFile, 'utf8').trim());
    const { body } = await client('POST', '/v1/authenticate', { user, response });
    return body['outcome'] ?? body['code'];
  }

  /** The package of counters from 1 on, and no server. */
  async function away(owner: Owner, from = keyFile): Promise<Workstation> {
    const made = await site.workstation(from);
    await made.equip(owner, owner.shown(0));
    await made.wire.cut();
    return made;
  }

  async function report(made: Workstation): Promise<number> {
    await made.wire.mend();
    const { status } = await made.run(['report']);
    return status;
  }

  async function lastReport(): Promise<unknown> {
    return (await site.audit('offline.report')).at(-1);
  }

  const accepted = { status: 0, err: '' };
  const refused = { status: exitCodes.refused, out: '' };

  it('what one workstation holds is nothing at another, whatever is copied', async () => {
    const owner = await site.owner('copied', 'event');
    const from = await away(owner);
    const to = await site.workstation(keyFile);
    await to.wire.cut();
    const names = readdirSync(from.state);
    const typed = owner.shown(1);
    const entries = names.filter((name) => name.endsWith('.entries'));
    for (const name of entries) cpSync(join(from.state, name), join(to.state, name));
    expect(await to.logon(owner, typed)).toMatchObject({ status: exitCodes['no-data'] });
    // State and keys too: another name of the agent, another seal.
    for (const name of ['state', 'keys', ...entries]) {
      cpSync(join(from.state, name), join(to.state, name), { recursive: true });
    }
    expect(await to.logon(owner, typed)).toMatchObject({ status: exitCodes.damaged, out: '' });
    const other = await site.owner('other', 'event');
    expect(await from.logon(other, typed)).toMatchObject({ status: exitCodes['no-data'] });
    expect(await from.logon(owner, typed)).toMatchObject(accepted);
  });

  it('an enrolment whose answer was lost is repeated, and is one workstation', async () => {
    const wire = new Wire(site.server.port);
    await wire.mend();
    onTestFinished(() => wire.cut());
    const made = new Workstation(wire, join(site.folder, 'lost'));
    const argv = ['--server', wire.url, '--key-file', keyFile, '--mode', 'sw'];
    const enrol = async (name: string): Promise<number> =>
      (await made.run(['enrol', ...argv, '--name', name])).status;
    wire.losing = 'sealedLogKey';
    expect(await enrol('lost')).not.toBe(0);
    expect(await enrol('lost')).not.toBe(0);
    wire.losing = null;
    expect(await enrol('found')).toBe(exitCodes.refused);
    expect(await enrol('lost')).toBe(0);
    const { items } = await must(site.admin('GET', '/v1/offline/agents?limit=1000'));
    const named = (items as { name: string }[]).map(({ name }) => name);
    expect(named.filter((name) => name === 'lost' || name === 'found')).toEqual(['lost']);
    const owner = await site.owner('lost', 'event');
    await made.equip(owner, owner.shown(0));
    await wire.cut();
    expect(await made.logon(owner, owner.shown(1))).toMatchObject(accepted);
  });

  it('a static password that is required belongs to every logon, and its change ends what there is', async () => {
    const settings = { genericAnswers: false, userLockThreshold: 10, offlineRequirePassword: true };
    const owner = await site.owner('careful', 'event');
    const setPassword = (password: string): Promise<unknown> => {
      const given = { password, confirmation: password };
      return must(site.admin('PUT', `/v1/users/${owner.user}/password`, given));
    };
    const made = await site.workstation(await site.keyFile('careful', settings));
    const none = await made.logon(owner, owner.shown(0));
    expect(none).toMatchObject(accepted);
    expect(none.out).toContain('the server keeps none of yours');
    await setPassword('Sommer-2026');
    expect(await made.logon(owner, owner.shown(1))).toMatchObject(refused);
    await made.equip(owner, `Sommer-2026${owner.shown(1)}`);
    await made.wire.cut();
    expect(await made.logon(owner, owner.shown(2))).toMatchObject(refused);
    expect(await made.logon(owner, `Sommer-2027${owner.shown(2)}`)).toMatchObject(refused);
    expect(await made.logon(owner, `Sommer-2026${owner.shown(2)}`)).toMatchObject(accepted);
    await setPassword('Herbst-2026');
    expect(await report(made)).toBe(0);
    await made.wire.cut();
    const gone = await made.logon(owner, `Sommer-2026${owner.shown(3)}`);
    expect(gone).toMatchObject({ status: exitCodes['no-data'], out: '' });
  });

  it('a folder that is put back ends the workstation at its next report', async () => {
    const owner = await site.owner('restored', 'event');
    const made = await site.workstation(keyFile);
    await made.equip(owner, owner.shown(0));
    const old = join(site.folder, 'old');
    cpSync(made.state, old, { recursive: true });
    await made.wire.cut();
    expect(await made.logon(owner, owner.shown(1))).toMatchObject(accepted);
    expect(await report(made)).toBe(0);
    rmSync(made.state, { recursive: true });
    cpSync(old, made.state, { recursive: true });
    expect(await report(made)).toBe(exitCodes.revoked);
    expect(await lastReport()).toMatchObject({ outcome: 'roll-back' });
    await made.wire.cut();
    expect(await made.logon(owner, owner.shown(2))).toMatchObject({ status: exitCodes.revoked });
  });

  it('two copies that are both used are a fork: revoked, and so are all its packages', async () => {
    const [one, two] = [await site.owner('fork-1', 'event'), await site.owner('fork-2', 'event')];
    const made = await site.workstation(keyFile);
    await made.equip(one, one.shown(0));
    await made.equip(two, two.shown(0));
    await made.wire.cut();
    const copy = made.copy(join(site.folder, 'copy'));
    expect(await made.logon(one, one.shown(1))).toMatchObject(accepted);
    expect(await copy.logon(one, one.shown(2))).toMatchObject(accepted);
    expect(await report(made)).toBe(0);
    expect((await copy.run(['report'])).status).toBe(exitCodes.revoked);
    expect(await lastReport()).toMatchObject({ outcome: 'fork' });
    const { agentId } = JSON.parse(readFileSync(join(made.state, 'config.json'), 'utf8')) as {
      agentId: string;
    };
    expect(await must(site.admin('GET', `/v1/offline/agents/${agentId}`))).toMatchObject({
      state: 'revoked',
      revokedFor: 'fork',
    });
    for (const { user } of [one, two]) {
      const { items } = await must(site.admin('GET', `/v1/users/${user}/offline`));
      expect((items as { state: string }[]).map(({ state }) => state)).toEqual(['revoked']);
    }
    // The honest one hears it too, and neither verifies anybody any more.
    expect((await made.run(['report'])).status).toBe(exitCodes.revoked);
    await made.wire.cut();
    for (const each of [made, copy]) {
      for (const owner of [one, two]) {
        expect(await each.logon(owner, owner.shown(5))).toMatchObject({
          status: exitCodes.revoked,
          out: '',
        });
      }
    }
  });

  it('a response that was used offline is used at the server and at other workstations', async () => {
    const owner = await site.owner('awayfirst', 'event');
    const made = await away(owner);
    const other = await site.workstation(keyFile);
    expect(await made.logon(owner, owner.shown(4))).toMatchObject(accepted);
    expect(await report(made)).toBe(0);
    expect(await online(owner, owner.shown(4))).toBe('response-replayed');
    expect(await other.logon(owner, owner.shown(4))).toMatchObject(refused);
    expect(await made.logon(owner, owner.shown(4))).toMatchObject(refused);
    expect(await online(owner, owner.shown(5))).toBe('accepted');
  });

  it('a response that was used at the server is good once more offline, and the auditor hears it', async () => {
    const owner = await site.owner('deskfirst', 'event');
    const made = await away(owner);
    expect(await online(owner, owner.shown(1))).toBe('accepted');
    expect(await made.logon(owner, owner.shown(1))).toMatchObject(accepted);
    expect(await made.logon(owner, owner.shown(1))).toMatchObject(refused);
    expect(await report(made)).toBe(0);
    expect(await lastReport()).toMatchObject({ details: { accepted: 1, duplicates: 1 } });
  });

  it('the same response at two workstations without a server is found out at the second report', async () => {
    const owner = await site.owner('twice', 'event');
    const one = await site.workstation(keyFile);
    const two = await site.workstation(keyFile);
    await one.equip(owner, owner.shown(0));
    await two.equip(owner, owner.shown(1));
    for (const made of [one, two]) {
      await made.wire.cut();
      expect(await made.logon(owner, owner.shown(3))).toMatchObject(accepted);
    }
    expect(await report(one)).toBe(0);
    expect(await lastReport()).toMatchObject({ details: { accepted: 1, duplicates: 0 } });
    expect(await report(two)).toBe(0);
    expect(await lastReport()).toMatchObject({ details: { accepted: 1, duplicates: 1 } });
  });

  it('thirty logons without a server need no synchronisation afterwards', async () => {
    const owner = await site.owner('thirty', 'event');
    const made = await away(owner);
    for (let counter = 1; counter <= 30; counter += 1) {
      expect(await made.logon(owner, owner.shown(counter))).toMatchObject(accepted);
    }
    expect(await made.logon(owner, owner.shown(31))).toMatchObject({
      status: exitCodes['used-up'],
    });
    await made.wire.mend();
    // The logon reports first by itself.
    const back = await made.logon(owner, owner.shown(31));
    expect(back).toMatchObject(accepted);
    expect(back.out).toContain('renewed');
  });

  it('what was reserved and is given back is good at another workstation', async () => {
    const owner = await site.owner('reserved', 'event');
    const made = await away(owner, reservedKeyFile);
    for (let counter = 1; counter <= 3; counter += 1) {
      expect(await made.logon(owner, owner.shown(counter))).toMatchObject(accepted);
    }
    expect(await online(owner, owner.shown(4))).not.toBe('accepted');
    await made.wire.mend();
    made.requireDone(await made.run(['remove', owner.user]));
    expect(await report(made)).toBe(0);
    expect(await lastReport()).toMatchObject({ details: { released: 1 } });
    const other = await site.workstation(reservedKeyFile);
    expect(await other.logon(owner, owner.shown(3))).toMatchObject(refused);
    await other.equip(owner, owner.shown(4));
    await other.wire.cut();
    expect(await other.logon(owner, owner.shown(5))).toMatchObject(accepted);
  });

  it('a device 40 seconds ahead, at a computer 3 minutes behind, is one step ahead', async () => {
    const owner = await site.owner('ahead', 'time');
    const made = await site.workstation(keyFile);
    const stepMs = 30_000;
    const shown = (aheadMs: number): string =>
      owner.shown(Math.floor((Date.now() + made.passedMs + aheadMs) / stepMs));
    made.clockErrorMs = -180_000;
    await made.equip(owner, shown(0));
    await made.wire.cut();
    // The server has just learned of this clock: it learns again after half a day.
    made.passedMs = 13 * 3_600_000;
    await site.restart(made.passedMs);
    // At the end of a step, 40 seconds more are two.
    while (Date.now() % stepMs >= 18_000) await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await made.logon(owner, shown(40_000))).toMatchObject(accepted);
    expect(await report(made)).toBe(0);
    const { applications } = await must(
      site.admin('GET', `/v1/authenticators/${owner.serial}/drift`),
    );
    expect(applications).toMatchObject([{ driftSeconds: 30 }]);
  });
});
