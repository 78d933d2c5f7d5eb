import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { dayMs } from '../../../src/domain/durations.ts';
import type { Caller } from '../../../src/service/index.ts';
import type { Store } from '../../../src/service/store.ts';
import { type Bench, openBench } from '../../support/builders.ts';
import { givePin } from '../../support/pins.ts';
import {
  allCodes,
  effectiveWith,
  holder,
  issueCode,
  outcomeOf,
  packaged,
  readOut,
} from './support.ts';

let bench: Bench;
let desk: Caller;

const policy = effectiveWith(allCodes);

beforeAll(async () => {
  bench = await openBench();
  desk = await bench.caller(allCodes, 'helpdesk');
});

afterAll(() => bench.close());

describe('a package', () => {
  it('holds a tokencode and a passcode, and the same again', async () => {
    const { serial } = await holder(bench, '4711');
    const first = await packaged(bench, serial, policy);
    const nowMs = bench.clock.nowMs();
    expect(first).toEqual([
      {
        terms: {
          codeId: expect.any(String) as string,
          kind: 'tokencode',
          isPinRequired: true,
          notAfterMs: nowMs + 7 * dayMs,
          usesMax: 10,
        },
        code: expect.stringMatching(/^[0-9]{8}$/) as string,
      },
      {
        terms: {
          codeId: expect.any(String) as string,
          kind: 'passcode',
          isPinRequired: false,
          notAfterMs: nowMs + 3 * dayMs,
          usesMax: 3,
        },
        code: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{16}$/) as string,
      },
    ]);
    expect(await packaged(bench, serial, policy)).toEqual(first);
    const audit = await bench.lastAudit();
    expect(audit).toMatchObject({ action: 'emergency.issue', subject: serial });
    for (const { code } of first) expect(JSON.stringify(audit)).not.toContain(code);
  });

  it('holds one long code where there is no PIN', async () => {
    const { serial } = await holder(bench);
    const [code, ...more] = await packaged(bench, serial, policy);
    expect(more).toEqual([]);
    expect(code).toMatchObject({ terms: { kind: 'tokencode', isPinRequired: false } });
    expect(code?.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{16}$/);
  });

  it('holds no short code where only another application has a PIN', async () => {
    const { serial } = await holder(bench, '4711');
    const codes = await packaged(bench, serial, policy, {}, 'none');
    expect(codes.map(({ terms }) => terms.kind)).toEqual(['passcode']);
  });

  it('holds what the policy lets it hold', async () => {
    const { serial } = await holder(bench, '4711');
    const kinds = async (settings: object): Promise<readonly string[]> =>
      (await packaged(bench, serial, { ...policy, ...settings })).map(({ terms }) => terms.kind);
    expect(await kinds({ emergencyTokencode: false })).toEqual(['passcode']);
    expect(await kinds({ emergencyPasscode: false })).toEqual(['tokencode']);
    expect(await kinds({ emergencyTokencode: false, emergencyPasscode: false })).toEqual([]);
  });

  const later = (): Promise<void> => {
    bench.clock.advance(6 * 86_400 + 1);
    return Promise.resolve();
  };
  const changes: readonly (readonly [string, (serial: string, id: string) => Promise<unknown>])[] =
    [
      ['reset', (...of) => bench.service.administration.resetEmergencyCode(desk, ...of)],
      ['revoked', (...of) => bench.service.administration.revokeEmergencyCode(desk, ...of)],
      ['read out', (...of) => readOut(bench, desk, ...of)],
      ['less than a day before its end', later],
      ['given a PIN', (serial) => givePin(bench, serial, '4711')],
    ];
  test.each(changes)('holds another once the last was %s', async (_what, change) => {
    const { serial } = await holder(bench);
    const [before] = await packaged(bench, serial, policy);
    await change(serial, before!.terms.codeId);
    const [after] = await packaged(bench, serial, policy);
    expect(after?.terms.codeId).not.toBe(before?.terms.codeId);
    expect(after?.code).not.toBe(before?.code);
    const old = await bench.store.emergencyCodeById(before!.terms.codeId);
    expect(old).toMatchObject({ macs: [], sealed: null });
    expect(old?.state).not.toBe('live');
  });

  it('holds another once the last was used at the server, where it goes on to be good', async () => {
    const { serial, userName } = await holder(bench);
    const program = await bench.caller(allCodes);
    const [first] = await packaged(bench, serial, policy);
    const { administration } = bench.service;
    await administration.allowEmergencyOnline(desk, serial, first!.terms.codeId, true);
    expect(await packaged(bench, serial, policy)).toEqual([first]);
    expect(await outcomeOf(bench, program, userName, first!.code)).toBe('accepted by emergency');
    const [second] = await packaged(bench, serial, policy);
    expect(second?.code).not.toBe(first?.code);
    expect(await outcomeOf(bench, program, userName, first!.code)).toBe('response-incorrect');
    expect(await outcomeOf(bench, program, userName, second!.code)).toBe('accepted by emergency');
  });

  test('two at once hold the same code', async () => {
    const { serial } = await holder(bench, '4711');
    const both = await Promise.all([1, 2, 3].map(() => packaged(bench, serial, policy)));
    expect(both[1]).toEqual(both[0]);
    expect(both[2]).toEqual(both[0]);
  });

  it('is not made when others are always faster', async () => {
    const { serial } = await holder(bench);
    const store = {
      emergencyCodesOfAuthenticator: () => Promise.resolve([]),
      administer: () => Promise.resolve({ status: 'exists', index: 0 }),
    } as unknown as Store;
    await expect(packaged(bench, serial, policy, { store })).rejects.toMatchObject({
      code: 'overloaded',
    });
  });

  it('holds only what an administrator saw, where codes are shown once', async () => {
    const once = { ...allCodes, emergencyRevealMode: 'show-once' } as const;
    const printer = await bench.caller(once, 'admin');
    const { serial } = await holder(bench, '4711');
    expect(await packaged(bench, serial, effectiveWith(once))).toEqual([]);
    const { codes, view } = await issueCode(bench, printer, serial, { kind: 'tokencode' });
    expect(codes).toEqual([expect.stringMatching(/^[0-9]{8}$/)]);
    const [held] = await packaged(bench, serial, effectiveWith(once));
    expect(held).toMatchObject({ terms: { codeId: view.id }, code: codes[0] });
    await expect(readOut(bench, desk, serial, view.id)).rejects.toMatchObject({
      code: 'conflict',
      fields: { reason: 'not-revealable' },
    });
  });
});

describe('a code whose time is over', () => {
  it('is forgotten, and the audit says so', async () => {
    const { serial } = await holder(bench);
    const [held] = await packaged(bench, serial, policy);
    const { codeId, notAfterMs } = held!.terms;
    bench.clock.set(notAfterMs - 1);
    await bench.service.purge();
    expect(await bench.store.emergencyCodeById(codeId)).toMatchObject({ state: 'live' });
    bench.clock.set(notAfterMs);
    await bench.service.purge();
    expect(await bench.store.emergencyCodeById(codeId)).toMatchObject({
      state: 'expired',
      macs: [],
      sealed: null,
    });
    const events = await bench.store.auditEventsAbout(serial, 1);
    expect(events[0]?.body).toContain('"emergency.expire"');
  });
});
