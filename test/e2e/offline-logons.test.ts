import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import type { Ran } from '../agent/support/world.ts';
import { describeLayer } from '../support/layers.ts';
import { atTerminal } from '../support/terminal.ts';
import { type Answerer, Site, type Workstation } from './offline-support.ts';

const source = fileURLToPath(new URL('../../src/agent/main.ts', import.meta.url));
const program = fileURLToPath(new URL('../../dist/src/agent/main.js', import.meta.url));
const pin = '472193';
const newPin = '805316';

/** What persons do at workstations, between a server process and real agents. */
describeLayer('softhsm', 'logons at workstations', () => {
  let site: Site;
  let keyFile = '';

  beforeAll(async () => {
    site = await Site.open();
    keyFile = await site.keyFile('desks', {
      twoStepRequestMethod: 'keyword-only',
      twoStepRequestKeyword: 'ask',
    });
  });

  afterAll(() => site.close());

  const accepted = { status: 0, err: '' };

  /** `tallystick-agent run` as a process of its own. */
  async function running({ state }: Workstation): Promise<ChildProcess> {
    const agent = spawn(process.execPath, [program, 'run', '--state', state]);
    onTestFinished(() => void agent.kill('SIGKILL'));
    const [said] = (await once(agent.stderr, 'data')) as [Buffer];
    expect(said.toString()).toBe('The agent is running.\n');
    return agent;
  }

  /** Types a first line, and then the answer to the challenge that comes, behind a PIN if any. */
  async function answering(
    made: Workstation,
    { user, answer }: Answerer,
    first: string,
    before: string = pin,
  ): Promise<Ran> {
    const challenged = (shown: string): string => {
      const challenge = /^Challenge: .*?(\d{8})$/m.exec(shown)?.[1] ?? '';
      return `${before}${answer(challenge)}`;
    };
    return made.run(['logon', user, '--stdin'], [first, challenged]);
  }

  it('a challenge is answered at the server, and then one of the package without it', async () => {
    const owner = await site.answerer('asked');
    await site.givePin(owner, pin);
    const made = await site.workstation(keyFile);
    const online = await answering(made, owner, 'ask');
    expect(online).toMatchObject({ status: 0 });
    expect(online.err).toMatch(/^Challenge: .*\d{8}$/m);
    expect(online.out).toContain('renewed');
    await made.wire.cut();
    const alone = await answering(made, owner, 'whatever');
    expect(alone.out).toContain('Signed in. Offline.');
  });

  it('brings nothing home where the PIN stood in the request', async () => {
    const owner = await site.answerer('askedbypin');
    await site.givePin(owner, pin);
    const made = await site.workstation(
      await site.keyFile('by-pin', {
        twoStepRequestMethod: 'keyword-pin',
        twoStepRequestKeyword: 'c',
      }),
    );
    const online = await answering(made, owner, `c${pin}`, '');
    expect(online).toMatchObject({ status: 0 });
    expect(online.out).toContain('could not be renewed');
  });

  it('the old PIN and what was typed with it are good nowhere once the PIN was changed', async () => {
    const owner = await site.owner('changing', 'event');
    await site.givePin(owner, pin);
    const made = await site.workstation(keyFile);
    await made.equip(owner, `${pin}${owner.shown(0)}`);
    const changed = await made.logon(owner, `${pin}${owner.shown(1)}${newPin}${newPin}`);
    expect(changed).toMatchObject(accepted);
    expect(changed.out).toContain('The PIN was changed: sign in once more');
    await made.wire.cut();
    for (const response of [owner.shown(1), owner.shown(2)]) {
      expect(await made.logon(owner, `${pin}${response}`)).toMatchObject({
        status: exitCodes['no-data'],
      });
    }
    await made.wire.mend();
    await made.equip(owner, `${newPin}${owner.shown(2)}`);
    await made.wire.cut();
    expect(await made.logon(owner, `${newPin}${owner.shown(3)}`)).toMatchObject(accepted);
  });

  it('what was done is reported, however much it is', async () => {
    const owners = [await site.owner('busy-1', 'event'), await site.owner('busy-2', 'event')];
    const made = await site.workstation(keyFile);
    for (const owner of owners) await made.equip(owner, owner.shown(0));
    await made.run(['report']);
    await made.wire.cut();
    // Two lines for each logon: that it was tried, and what became of it.
    for (const owner of owners) {
      for (let counter = 1; counter <= 26; counter += 1) {
        expect(await made.logon(owner, owner.shown(counter))).toMatchObject(accepted);
      }
    }
    await made.wire.mend();
    const before = (await site.audit('offline.report')).length;
    expect(await made.run(['report'])).toMatchObject({ out: 'Reported: 104 lines.\n' });
    const reports = (await site.audit('offline.report')).slice(before);
    expect(reports).toMatchObject([{ details: { accepted: 50 } }, { details: { accepted: 2 } }]);
    expect(await made.run(['report'])).toMatchObject({ out: 'Nothing was to be reported.\n' });
    for (const owner of owners) {
      const stale = await made.logon(owner, owner.shown(26));
      expect(stale).toMatchObject({ status: exitCodes.refused });
    }
  });

  it('a running agent has the share, signs on without the server, and ends when told', async () => {
    const owner = await site.owner('running', 'event');
    const made = await site.workstation(keyFile, 'ram');
    const agent = await running(made);
    await made.equip(owner, owner.shown(0));
    await made.wire.cut();
    expect((await made.logon(owner, owner.shown(1))).out).toContain('Signed in. Offline.');
    agent.kill('SIGTERM');
    expect(await once(agent, 'close')).toEqual([0, null]);
    expect(await made.logon(owner, owner.shown(2))).toMatchObject({
      status: exitCodes['not-running'],
      out: '',
    });
    await made.wire.mend();
    const next = await running(made);
    await made.wire.cut();
    expect(await made.logon(owner, owner.shown(2))).toMatchObject(accepted);
    next.kill('SIGINT');
    expect(await once(next, 'close')).toEqual([0, null]);
  });

  it('what is typed at a terminal is taken, corrected, and never shown', async () => {
    const owner = await site.owner('typing', 'event');
    await site.givePin(owner, pin);
    const made = await site.workstation(keyFile);
    const argv = `logon ${owner.user} --state '${made.state}'`;
    const at = (typed: string): ReturnType<typeof atTerminal> =>
      atTerminal(source, argv, {}, [['PIN and response: ', typed]]);
    const secret = `${pin}${owner.shown(0)}`;
    // A character of two bytes is one.
    const ran = await at(`${secret}9\x7fé\x7f\r`);
    expect(ran.shown).toContain('Signed in.');
    expect(ran.status).toBe(0);
    for (const part of [pin, owner.shown(0)]) expect(ran.shown).not.toContain(part);
    expect((await at('47\x03')).status).toBe(exitCodes.unanswered);
    expect((await at('\r')).status).toBe(exitCodes.unanswered);
  });
});
