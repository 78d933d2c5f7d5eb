import { describe, expect, test } from 'vitest';
import { verifyChain } from '../../src/audit/index.ts';
import type { Application, Authenticator } from '../../src/domain/model.ts';
import type { AuditEvent } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  aChallenge,
  aDomain,
  anAnswer,
  anApplication,
  anAuthenticator,
  anEntry,
  atMs,
  aUser,
  commitOne,
  insertAll,
  install,
} from './support/records.ts';

eachDatabase((opened) => {
  test('authenticators by the key check value of a seed, each whole, in order', async () => {
    const [first, second, other] = ['KC00000001', 'KC00000002', 'KC00000003'].map((serial) =>
      anAuthenticator({ serial }),
    ) as [Authenticator, Authenticator, Authenticator];
    const withSeed = (owner: Authenticator, name: string, keyCheckValue: string): Application => {
      const application = anApplication(owner.id, { name });
      return { ...application, seed: { ...application.seed, keyCheckValue } };
    };
    const applications = [
      withSeed(second, 'A', '0badcafe'),
      withSeed(first, 'A', '0badcafe'),
      withSeed(first, 'B', '0badcafe'),
      withSeed(second, 'B', '00000001'),
      withSeed(other, 'A', '00000002'),
    ];
    await insertAll(opened.store, [
      ...[first, second, other].map(
        (record) => ({ change: 'insert', kind: 'authenticator', record }) as const,
      ),
      ...applications.map((record) => ({ change: 'insert', kind: 'application', record }) as const),
    ]);
    const found = await opened.store.authenticatorsByKeyCheckValue('0badcafe');
    expect(found).toEqual([
      { authenticator: first, applications: [applications[1], applications[2]] },
      { authenticator: second, applications: [applications[0], applications[3]] },
    ]);
    expect(await opened.store.authenticatorsByKeyCheckValue('0badcaff')).toEqual([]);
  });

  describe('pages', () => {
    test('of users follow their keys, whatever the collation of the machine', async () => {
      const domain = aDomain();
      const names = ['b', 'A', 'ä', 'Z', 'a-1', 'a_1', 'Ω', 'c.d', 'a 1', '😀'];
      await insertAll(opened.store, [
        { change: 'insert', kind: 'domain', record: domain },
        ...names.map((userName) => {
          const record = aUser(domain.id, { userName });
          return { change: 'insert', kind: 'user', record } as const;
        }),
      ]);
      const seen: string[] = [];
      for (let after = ''; ;) {
        const page = await opened.store.users(domain.id, { after, limit: 3 });
        seen.push(...page.map(({ userName }) => userName));
        if (page.length < 3) break;
        after = page.at(-1)!.userName;
      }
      const byBytes = (a: string, b: string): number =>
        Buffer.compare(Buffer.from(a.toLowerCase()), Buffer.from(b.toLowerCase()));
      expect(seen).toEqual([...names].sort(byBytes));
    });

    test('of authenticators count authenticators, not applications', async () => {
      const many = Array.from({ length: 5 }, (_, index) =>
        anAuthenticator({ serial: `ZZ0000000${String(index)}` }),
      );
      await insertAll(
        opened.store,
        many.flatMap((record) => [
          { change: 'insert', kind: 'authenticator', record } as const,
          ...['B', 'A'].map((name) => {
            const application = anApplication(record.id, { name });
            return { change: 'insert', kind: 'application', record: application } as const;
          }),
        ]),
      );
      const first = await opened.store.authenticators({ after: 'ZZ0', limit: 3 });
      const second = await opened.store.authenticators({ after: 'zz00000002', limit: 3 });
      expect([...first, ...second].map(({ authenticator }) => authenticator)).toEqual(many);
      for (const { applications } of [...first, ...second]) {
        expect(applications.map(({ name }) => name)).toEqual(['A', 'B']);
      }
    });

    test('outside their limits are refused', async () => {
      for (const limit of [0, 1_001, 1.5, -1]) {
        const page = { after: '', limit };
        const refusal = { code: 'store-contract' };
        await expect(opened.store.users('x', page)).rejects.toMatchObject(refusal);
        await expect(opened.store.authenticators(page)).rejects.toMatchObject(refusal);
      }
    });
  });

  describe('the audit chain', () => {
    test('holds every committed decision and administration, in order and linked', async () => {
      const { user } = await install(opened.store);
      const start = (await opened.store.auditInstances())[0]!.sequence;
      const details = { reason: 'a "quoted" ü', count: 3, gone: null, yes: true };
      for (const action of ['first', 'second']) {
        const audit = { ...anEntry, action, details };
        await commitOne(opened.store, { user: { kind: 'touch', userId: user.id }, audit });
      }
      const events = await opened.store.auditEvents('one', start, 10);
      expect(events.map(({ sequence }) => sequence)).toEqual([start + 1, start + 2]);
      expect(JSON.parse(events[1]!.body)).toEqual({ ...anEntry, action: 'second', details });
      const all: AuditEvent[] = [];
      for (let page = await opened.store.auditEvents('one', 0, 7); page.length > 0;) {
        all.push(...page);
        page = await opened.store.auditEvents('one', all.length, 7);
      }
      const position = { sequence: start + 2, hash: events[1]!.hash };
      expect(verifyChain(all)).toEqual({ intact: true, position });
      expect(await opened.store.auditInstances()).toEqual([
        { instance: 'one', sequence: start + 2 },
      ]);
    });

    test('can be appended to only, even beside the store', async () => {
      await install(opened.store);
      const appendOnly = /only ever appended/;
      const meddle = (sql: string): Promise<unknown> => opened.database.query(sql);
      await expect(meddle(`update audit_event set body = '{}'`)).rejects.toThrow(appendOnly);
      await expect(meddle('delete from audit_event where sequence = 1')).rejects.toThrow(
        appendOnly,
      );
      if (opened.kind.name === 'PostgreSQL') {
        await expect(meddle('truncate audit_event')).rejects.toThrow(appendOnly);
      }
    });

    test('refuses a page outside its limits', async () => {
      for (const limit of [0, 10_001]) {
        const refusal = { code: 'store-contract' };
        await expect(opened.store.auditEvents('one', 0, limit)).rejects.toMatchObject(refusal);
      }
    });
  });

  test('a purge removes what has expired, at most its limit of each', async () => {
    const { user } = await install(opened.store);
    const expired = [1, 2, 3].map(() => aChallenge(user.id, { expiresAtMs: atMs + 1 }));
    const fresh = aChallenge(user.id, { text: '99999999', expiresAtMs: atMs + 3 });
    for (const issue of [...expired, fresh]) {
      await commitOne(opened.store, { issue });
    }
    const old = anAnswer({ expiresAtMs: atMs + 2 });
    const kept = anAnswer({ expiresAtMs: atMs + 3 });
    for (const storedAnswer of [old, kept]) await commitOne(opened.store, { storedAnswer });
    expect(await opened.store.purge(atMs, 10)).toBe(0);
    expect(await opened.store.purge(atMs + 2, 2)).toBe(3);
    expect(await opened.store.purge(atMs + 2, 2)).toBe(1);
    expect(await opened.store.purge(atMs + 2, 2)).toBe(0);
    expect(await opened.store.findChallenge(user.id, 'Gateway', '99999999')).toEqual(fresh);
    expect(await opened.store.findAnswer(kept.clientId, kept.requestKey, atMs)).toEqual(kept);
    expect(await opened.store.findAnswer(old.clientId, old.requestKey, atMs)).toBeNull();
    for (const limit of [0, 10_001]) {
      const refusal = { code: 'store-contract' };
      await expect(opened.store.purge(atMs, limit)).rejects.toMatchObject(refusal);
    }
  });

  test('a ping writes', async () => {
    const count = async (): Promise<unknown> =>
      (await opened.database.query(`select ping_count as count from instance`))[0]!['count'];
    const before = Number(await count());
    await opened.store.ping();
    expect(Number(await count())).toBe(before + 1);
  });
});
