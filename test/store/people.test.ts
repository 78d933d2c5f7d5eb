import { describe, expect, test } from 'vitest';
import type { Authenticator, User } from '../../src/domain/model.ts';
import type { RecordChange } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import { aDomain, anAuthenticator, anEntry, atMs, aUser, insertAll } from './support/records.ts';

const committed = { status: 'committed' };

/** Every field other than its default, and no two alike. */
const person = {
  contact: {
    email: 'zoë@example.org',
    mobile: '+43123456',
    phone: '+49987654',
    deliveryMethod: 'sms-voice',
  },
  localAuthentication: 'password-in-grace',
  password: {
    verifier: { salt: '0a'.repeat(16), mac: '1b'.repeat(32) },
    setAtMs: 21,
    version: 22,
  },
} as const satisfies Partial<User>;
const virtual = {
  kind: 'virtual-mobile',
  graceEndsAtMs: 31,
  backup: { mode: 'required', endsAtMs: 32, usesLeft: 33 },
} as const satisfies Partial<Authenticator>;

eachDatabase((opened) => {
  const administer = (...changes: RecordChange[]): Promise<unknown> =>
    opened.store.administer(changes, anEntry);
  const installed = async (
    more: Partial<User>,
    ofAuthenticator: Partial<Authenticator>,
  ): Promise<{ user: User; authenticator: Authenticator }> => {
    const domain = aDomain();
    const user = aUser(domain.id, more);
    const assigned = { userId: user.id, assignedAtMs: atMs, assignmentVersion: 1 };
    const authenticator = anAuthenticator({ ...assigned, ...ofAuthenticator });
    await insertAll(opened.store, [
      { change: 'insert', kind: 'domain', record: domain },
      { change: 'insert', kind: 'user', record: user },
      { change: 'insert', kind: 'authenticator', record: authenticator },
    ]);
    return { user, authenticator };
  };
  const expectRead = async (user: User, authenticator: Authenticator): Promise<void> => {
    const { store } = opened;
    const found = [{ authenticator, applications: [] }];
    const load = await store.loadAttempt(user.domainId, user.userName);
    expect(load.found).toEqual({ user, authenticators: found });
    expect(await store.userById(user.id)).toEqual(user);
    expect(await store.userByName(user.domainId, user.userName)).toEqual(user);
    expect(await store.users(user.domainId, { after: '', limit: 9 })).toEqual([user]);
    expect(await store.authenticatorsOfUser(user.id)).toEqual(found);
    expect(await store.authenticatorBySerial(authenticator.serial)).toEqual(found[0]);
  };

  describe('how a person is reached and known', () => {
    test('is read as it was given, wherever it is read', async () => {
      const { user, authenticator } = await installed(person, virtual);
      await expectRead(user, authenticator);
    });

    test('is set and unset by an administrator', async () => {
      const { user, authenticator } = await installed({}, {});
      await expectRead(user, authenticator);
      const { kind, ...changeable } = virtual;
      const both = (
        expectedVersion: number,
        ofUser: Partial<User>,
        ofAuthenticator: Partial<Authenticator>,
      ): readonly RecordChange[] => {
        const update = { change: 'update', expectedVersion } as const;
        return [
          { ...update, kind: 'user', id: user.id, set: ofUser },
          { ...update, kind: 'authenticator', id: authenticator.id, set: ofAuthenticator },
        ];
      };
      expect(await administer(...both(1, person, virtual))).toEqual(committed);
      await expectRead(
        { ...user, ...person, version: 2 },
        { ...authenticator, ...changeable, kind, version: 2 },
      );
      const { contact, localAuthentication, password } = user;
      const { graceEndsAtMs, backup } = authenticator;
      const unset = both(2, { contact, localAuthentication, password }, { graceEndsAtMs, backup });
      expect(await administer(...unset)).toEqual(committed);
      await expectRead({ ...user, version: 3 }, { ...authenticator, kind, version: 3 });
    });

    test('is refused in words that there are not', async () => {
      const { authenticator } = await installed({}, {});
      const kind = 'pigeon' as Authenticator['kind'];
      const { id } = authenticator;
      const change = { change: 'update', kind: 'authenticator', id, expectedVersion: 1 } as const;
      const contract = { code: 'store-contract' };
      await expect(administer({ ...change, set: { kind } })).rejects.toMatchObject(contract);
      const backup = { mode: null, endsAtMs: null, usesLeft: -1 };
      await expect(administer({ ...change, set: { backup } })).rejects.toMatchObject(contract);
    });
  });
});
