import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { responseAlone } from '../../src/domain/credential.ts';
import type { Caller } from '../../src/service/index.ts';
import { type Bench, openBench, totp6 } from '../support/builders.ts';

let bench: Bench;
let caller: Caller;

beforeAll(async () => {
  bench = await openBench();
  caller = await bench.keylessCaller({ sessionIdleSeconds: 600, sessionLifetimeSeconds: 3600 });
});
afterAll(() => bench.close());

const here = '127.0.0.1';
const anyVersion = { expectedVersion: null };

async function signedIn(
  domainName: string,
  role: 'admin' | 'helpdesk',
): Promise<{ readonly userName: string; readonly sessionId: string }> {
  const { administration } = bench.service;
  const userName = `${domainName}-${role}`;
  const given = { userName, organisationalUnit: null, expiresAtMs: null };
  await administration.createUser(bench.admin, domainName, given);
  const device = await bench.device(totp6);
  await administration.assignAuthenticator(bench.admin, device.serial, domainName, userName);
  const administratorRole = { administratorRole: role };
  await administration.updateUser(bench.admin, domainName, userName, administratorRole, anyVersion);
  const credential = responseAlone(device.response({ nowMs: bench.clock.nowMs() }));
  const answer = await bench.service.logon(caller, { userName, domainName, credential });
  if (answer.outcome !== 'signed-in') throw new Error(answer.code);
  return { userName, sessionId: answer.sessionId };
}

describe('who has signed in', () => {
  it('asks as himself, from his address, and for as long as his session is open', async () => {
    const { userName, sessionId } = await signedIn('master', 'helpdesk');
    const asked = () => bench.service.sessionCaller(sessionId, here, 'request-1');
    expect(await asked()).toEqual({
      keyId: null,
      keyName: `master/${userName}`,
      role: 'helpdesk',
      componentType: caller.componentType,
      domainId: null,
      peerAddress: here,
      requestId: 'request-1',
    });
    expect(await bench.service.sessionCaller(sessionId, '127.0.0.2', 'r')).toBeNull();
    expect(await bench.service.sessionCaller('x', here, 'r')).toBeNull();
    bench.clock.advance(400);
    expect(await asked()).not.toBeNull();
    bench.clock.advance(400);
    expect(await asked()).not.toBeNull();
    bench.clock.advance(601);
    expect(await asked()).toBeNull();
  });

  it('administers his own domain alone, unless it is the one of all', async () => {
    const { administration } = bench.service;
    await administration.createDomain(bench.admin, 'sales');
    const { userName, sessionId } = await signedIn('sales', 'admin');
    const sales = (await bench.service.sessionCaller(sessionId, here, 'r'))!;
    expect(await administration.offlineOfUser(sales, null, userName, null)).toEqual([]);
    await expect(
      administration.offlineOfUser(sales, 'master', await bench.user(), null),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });
});
