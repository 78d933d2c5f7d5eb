import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pkcs11 from 'pkcs11js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  type HsmModule,
  type ModuleOptions,
  openModule,
  type Residency,
  type SeedReference,
} from '../../../hsm/index.ts';
import {
  freshSpec,
  initialisedSoftHsm,
  macsOf,
  OtherHand,
  referenceTo,
  rejection,
  soon,
} from '../../hsm/support.ts';
import { describeLayer } from '../../support/layers.ts';
import type { SoftHsmToken } from '../../support/softhsm.ts';

/** Regressions of a module that is lost, idle, refused or shared; docs/regressions.md lists all. */

const residencies: readonly Residency[] = ['resident', 'wrapped'];
const message = Buffer.from('0000000000000001', 'hex');

interface Known {
  readonly reference: SeedReference;
  readonly seed: Buffer;
}

/** Opens a module that is closed when the test ends, however it ends. */
async function opened(options: ModuleOptions): Promise<HsmModule> {
  const module = await openModule(options);
  onTestFinished(() => module.close());
  return module;
}

async function importKnown(module: HsmModule): Promise<Known> {
  const spec = freshSpec();
  const seed = randomBytes(20);
  const stored = await module.importSeed(spec, Buffer.from(seed), soon);
  return { reference: referenceTo(spec, stored), seed };
}

function macOf({ seed }: Known, of: Uint8Array = message): string {
  return createHmac('SHA1', seed).update(of).digest('hex');
}

async function macFrom(module: HsmModule, { reference }: Known): Promise<readonly string[]> {
  const [result] = await module.mac([{ seed: reference, messages: [message] }], soon);
  return macsOf(result);
}

/** How often this process has called C_Login. Each library is loaded after this. */
let logins = 0;
const native = Object.getPrototypeOf(pkcs11.PKCS11.prototype) as pkcs11.PKCS11;
const loginOfLibrary = Reflect.get(native, 'C_Login');
native.C_Login = function (this: pkcs11.PKCS11, ...args): void {
  logins += 1;
  loginOfLibrary.apply(this, args);
};

describeLayer('softhsm', 'a module', () => {
  let hsm: SoftHsmToken;
  beforeAll(async () => {
    hsm = await initialisedSoftHsm();
  });
  afterAll(() => hsm.remove());

  describe('19: that is lost under load gives no wrong MAC, and serves again', () => {
    test.each(residencies)('with %s seeds', async (residency) => {
      const module = await opened({ uri: hsm.uri, residency });
      const other = new OtherHand(hsm);
      // A library that begins anew gives out its numbers anew: an old handle is another object's.
      const restart = (): void => other.p11.C_Finalize();
      const losses = [restart, restart, () => other.p11.C_CloseAllSessions(other.slot), restart];
      const passing: Known[] = [];
      for (let count = 0; count < 8; count += 1) passing.push(await importKnown(module));
      const known: Known[] = [];
      for (let count = 0; count < 6; count += 1) known.push(await importKnown(module));

      let answers = 0;
      const over = new AbortController();
      const wrong: string[] = [];
      const client = async (from: number): Promise<void> => {
        for (let turn = from; !over.signal.aborted; turn += 1) {
          const asked = [0, 1, 2].map((more) => known[(turn + more) % known.length]!);
          const of = Buffer.from(`message ${String(turn)}`);
          const jobs = asked.map(({ reference }) => ({ seed: reference, messages: [of] }));
          const macs = (await module.mac(jobs, soon)).flatMap(macsOf);
          const right = asked.map((one) => macOf(one, of));
          if (macs.join() !== right.join()) wrong.push(macs.join());
          answers += 1;
        }
      };
      const clients = Promise.all([0, 1, 2, 3].map(client));
      clients.catch(() => over.abort());
      for (const [round, { reference }] of passing.entries()) {
        const until = answers + 20;
        // One object less, so that the module numbers the others anew when it starts again.
        await module.destroySeed(reference.seedId, soon);
        losses[round % losses.length]!();
        while (answers < until && !over.signal.aborted) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      over.abort();
      await clients;
      expect(wrong).toEqual([]);
      for (const one of known) expect(await macFrom(module, one)).toEqual([macOf(one)]);
      expect(module.status()).toMatchObject({ state: 'ready', sessionsOpen: 2 });
    });
  });

  describe('20: that was idle for ten minutes serves the next call', () => {
    test.each(
      residencies.flatMap((residency) =>
        ['kept', 'dropped'].map((sessions) => [residency, sessions] as const),
      ),
    )('with %s seeds, its sessions %s meanwhile', async (residency, sessions) => {
      let idleMs = 0;
      const monotonicMs = (): number => performance.now() + idleMs;
      const module = await opened({ uri: hsm.uri, residency, monotonicMs });
      const one = await importKnown(module);
      expect(await macFrom(module, one)).toEqual([macOf(one)]);
      idleMs += 600_000;
      if (sessions === 'dropped') {
        const other = new OtherHand(hsm);
        other.p11.C_CloseAllSessions(other.slot);
      }
      expect(await macFrom(module, one)).toEqual([macOf(one)]);
      expect(module.status()).toMatchObject({ state: 'ready', sessionsOpen: 2 });
    });
  });

  describe('21: with a wrong PIN and many sessions is tried exactly once', () => {
    const addressOf = (pinFile: string): string =>
      `pkcs11:token=${hsm.tokenLabel}?module-path=${hsm.modulePath}&pin-source=file:${pinFile}`;
    const loginsDuring = async (work: () => Promise<unknown>): Promise<number> => {
      const before = logins;
      await work();
      return logins - before;
    };

    test('at the start', async () => {
      const pinFile = join(hsm.folder, 'start.pin');
      writeFileSync(pinFile, 'wrong-pin-0021', { mode: 0o600 });
      const options = { uri: addressOf(pinFile), residency: 'resident', maxSessions: 16 } as const;
      const open = (): Promise<unknown> => rejection(openModule(options));
      expect(await loginsDuring(open)).toBe(1);
      expect(await loginsDuring(open)).toBe(0);
    });

    test('after a loss, however many calls wait', async () => {
      const pinFile = join(hsm.folder, 'later.pin');
      writeFileSync(pinFile, readFileSync(hsm.userPinFile), { mode: 0o600 });
      const options = { uri: addressOf(pinFile), residency: 'resident', maxSessions: 16 } as const;
      const module = await opened(options);
      const one = await importKnown(module);
      writeFileSync(pinFile, 'wrong-pin-0022', { mode: 0o600 });
      const other = new OtherHand(hsm);
      other.p11.C_Logout(other.session);
      const calls = async (): Promise<void> => {
        const kinds = await Promise.all(
          Array.from({ length: 64 }, () => rejection(macFrom(module, one))),
        );
        for (const failure of kinds) expect(failure).toMatchObject({ kind: 'denied' });
      };
      expect(await loginsDuring(calls)).toBe(1);
      expect(await loginsDuring(calls)).toBe(0);
      expect(module.status().state).toBe('needs-pin');
    });
  });

  describe('22: that several processes open at once serves each of them', () => {
    const script = fileURLToPath(new URL('../children/one-mac.ts', import.meta.url));

    interface Starting {
      readonly ready: Promise<unknown>;
      readonly go: () => void;
      readonly ended: Promise<string>;
    }

    function start(args: readonly string[]): Starting {
      const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const closed = once(child, 'close') as Promise<[number | null, string | null]>;
      return {
        ready: Promise.race([once(child.stdout, 'data'), closed]),
        go: () => child.stdin.end('go\n'),
        ended: closed.then(([code, signal]) => `${said}${String(code ?? signal)}`),
      };
    }

    test('again and again, on one SoftHSM', async () => {
      const module = await openModule({ uri: hsm.uri, residency: 'resident' });
      const one = await importKnown(module);
      await module.close();
      const args = [hsm.uri, JSON.stringify(one.reference), message.toString('hex')];
      const all = Array.from({ length: 3 }, () => start(args));
      await Promise.all(all.map(({ ready }) => ready));
      for (const { go } of all) go();
      const said = await Promise.all(all.map(({ ended }) => ended));
      expect(said).toEqual(all.map(() => `ready\n${macOf(one)}\n0`));
    });
  });
});
