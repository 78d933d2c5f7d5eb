import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCodes } from '../../src/agent/agent-error.ts';
import { type Finished, runProgram } from '../support/cli.ts';
import { describeLayer } from '../support/layers.ts';
import { isLongProof, proofSize } from '../support/proof.ts';
import { type Owner, Site, Workstation } from './offline-support.ts';
import { must } from './support.ts';

const agentProgram = fileURLToPath(new URL('../../dist/src/agent/main.js', import.meta.url));
const helper = new URL('../support/stop-at-change.js', import.meta.url).href;

/** Processes of the agent that are killed, with a package of a real server. */
describeLayer('softhsm', 'an agent that is killed', () => {
  let site: Site;
  let owner: Owner;
  let made: Workstation;
  let before = '';

  beforeAll(async () => {
    site = await Site.open();
    owner = await site.owner('killed', 'event');
    made = await site.workstation(await site.keyFile('killed'));
    await made.equip(owner, owner.shown(0));
    await made.wire.cut();
    before = join(site.folder, 'before');
    cpSync(made.state, before, { recursive: true });
  });

  afterAll(() => site.close());

  function putBack(): void {
    rmSync(made.state, { recursive: true });
    cpSync(before, made.state, { recursive: true });
  }

  /** A logon in a process of its own. */
  function logon(typed: string, environment: Readonly<Record<string, string>>): Promise<Finished> {
    const args = [agentProgram, 'logon', owner.user, '--stdin', '--state', made.state];
    return runProgram(process.execPath, ['--import', helper, ...args], {
      input: `${typed}\n`,
      environment,
    });
  }

  async function standing(): Promise<{ readonly usesLeft: number; readonly failures: number }> {
    const { status, out, err } = await made.run(['status', '--json']);
    expect(status, out + err).toBe(0);
    const { packages } = JSON.parse(out) as {
      packages: { usesLeft: number; failures: number }[];
    };
    return packages[0]!;
  }

  /** Whatever was told is used up, and nothing is good twice. */
  async function requireSound(killed: Finished, typed: string, where: string): Promise<void> {
    const wasTold = killed.stdout.includes('Signed in');
    const { usesLeft, failures } = await standing();
    const again = await made.logon(owner, typed);
    const wasUsed = usesLeft === 29;
    expect(again.status === 0, where).toBe(!wasUsed);
    if (wasTold) expect(wasUsed, where).toBe(true);
    expect(failures <= 1, where).toBe(true);
  }

  it('is killed before each change of its disk: nothing is good twice, every try counts', async () => {
    const typed = owner.shown(1);
    let killed = 0;
    let counted = 0;
    let used = 0;
    for (let at = 1; ; at += 1) {
      putBack();
      const ran = await logon(typed, { STOP_AT: String(at) });
      if (ran.code === 0) break;
      killed += 1;
      expect(ran.code, `change ${at}`).toBe(null);
      const { usesLeft, failures } = await standing();
      // Between the try and its end it is a wrong one, and it stays one; afterwards it is used up.
      if (used > 0) expect(usesLeft, `change ${at}`).toBe(29);
      else if (usesLeft === 30 && counted > 0) expect(failures, `change ${at}`).toBe(1);
      if (failures === 1) counted += 1;
      if (usesLeft === 29) used += 1;
      await requireSound(ran, typed, `change ${at}`);
    }
    expect(killed).toBeGreaterThan(15);
    expect(counted).toBeGreaterThan(5);
    expect(used).toBeGreaterThan(0);
  });

  it('is killed before each change of its disk: a wrong try that was begun is counted', async () => {
    let counted = 0;
    for (let at = 1; ; at += isLongProof ? 1 : 2) {
      putBack();
      const ran = await logon('00000000', { STOP_AT: String(at) });
      if (ran.code !== null) break;
      const { failures } = await standing();
      if (counted > 0) expect(failures, `change ${at}`).toBe(1);
      if (failures === 1) counted += 1;
    }
    expect(counted).toBeGreaterThan(3);
  });

  it('is killed between any two changes of its disk while it enrols: it is one workstation', async () => {
    const keyFile = await site.keyFile('enrolling');
    let killed = 0;
    for (let at = 1; ; at += isLongProof ? 1 : 3) {
      const name = `enrolling-${String(at)}`;
      const again = new Workstation(made.wire, join(site.folder, name));
      await made.wire.mend();
      const argv = [
        ...['enrol', '--server', made.wire.url, '--key-file', keyFile],
        ...['--name', name, '--mode', 'sw'],
      ];
      const args = ['--import', helper, agentProgram, ...argv, '--state', again.state];
      const environment = { STOP_AT: String(at) };
      const ran = await runProgram(process.execPath, args, { environment });
      if (ran.code === 0) break;
      killed += 1;
      const { status } = await again.run(argv);
      // Killed behind its last word, it is enrolled.
      if (status !== exitCodes.usage) expect(status, `change ${at}`).toBe(0);
      const { items } = await must(site.admin('GET', '/v1/offline/agents?limit=1000'));
      const own = (items as { name: string }[]).filter((each) => each.name === name);
      expect(own, `change ${at}`).toHaveLength(1);
      expect((await again.run(['report'])).status, `change ${at}`).toBe(0);
    }
    expect(killed).toBeGreaterThan(5);
    await made.wire.cut();
  }, 120_000);

  it('is killed at any moment', async () => {
    const typed = owner.shown(1);
    let killed = 0;
    putBack();
    const startedMs = performance.now();
    await logon(typed, {});
    const tookMs = performance.now() - startedMs;
    const rounds = proofSize(20, 500);
    for (let round = 0; round < rounds; round += 1) {
      putBack();
      // timeout(1) kills as late as a whole run takes, at most.
      const seconds = ((0.2 + (0.8 * round) / rounds) * tookMs) / 1000;
      const args = [
        // In the foreground it kills the agent alone, and waits until it is gone.
        ...['--foreground', '-s', 'KILL', seconds.toFixed(3), process.execPath, agentProgram],
        ...['logon', owner.user, '--stdin', '--state', made.state],
      ];
      const ran = await runProgram('timeout', args, { input: `${typed}\n` });
      if (ran.code !== 0) killed += 1;
      await requireSound(ran, typed, `${seconds} s`);
    }
    expect(killed).toBeGreaterThan(0);
  });

  it('tells nothing before what it tells of is on the disk', async () => {
    putBack();
    const traces = join(site.folder, 'traces');
    mkdirSync(traces, { recursive: true });
    const trace = join(traces, 'logon');
    const ran = await logon(owner.shown(1), { TRACE_TO: trace });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const steps = readFileSync(trace, 'utf8').trimEnd().split('\n');
    const path = join(made.state, 'state');
    const durable = [
      `open ${path}.draft`,
      `writeFile ${path}.draft`,
      `sync ${path}.draft`,
      `rename ${path}.draft ${path}`,
      `sync ${made.state}`,
    ];
    const told = steps.indexOf('say');
    const ofState = steps
      .slice(0, told)
      .filter((step) => durable.includes(step) && !step.startsWith('unlink'));
    // The try, then the success: each written, synchronised, named, and its name synchronised.
    const written = ofState.join('\n').split(durable.join('\n')).length - 1;
    expect(written, steps.join('\n')).toBe(2);
    expect(steps.slice(told).some((step) => step.includes(path))).toBe(false);
  });
});
