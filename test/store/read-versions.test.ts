import { describe, expect, test } from 'vitest';
import type { Decision, RecordChange, UserChange } from '../../src/service/store.ts';
import { eachDatabase } from './support/each-database.ts';
import {
  advanceTo,
  anEntry,
  commitOne,
  install,
  type Installed,
  reloadApplication,
  reloadUser,
} from './support/records.ts';

/** What is granted is granted by the rows that were read, or not at all. */

const committed = { status: 'committed' };
const conflict = (on: string): object => ({ status: 'conflict', on });

type Edited = 'user' | 'authenticator' | 'application';

/** As an administrator edits it, in a way that no other condition of a decision notices. */
function editOf(kind: Edited, installed: Installed): RecordChange {
  const { id, version: expectedVersion } = installed[kind];
  const of = { change: 'update', id, expectedVersion } as const;
  return kind === 'application'
    ? { ...of, kind, set: { isDisabled: true } }
    : { ...of, kind, set: { expiresAtMs: 1 } };
}

/** Accepts a response as it was read. */
function acceptance({ user, authenticator, application }: Installed): Partial<Decision> {
  return {
    user: { kind: 'success', userId: user.id, threshold: 3 },
    readVersions: {
      user: user.version,
      authenticator: authenticator.version,
      application: application.version,
    },
    authenticator: { authenticatorId: authenticator.id, userId: user.id, assignmentVersion: 1 },
    advance: advanceTo(application, 57n),
  };
}

eachDatabase((opened) => {
  describe('what is accepted', () => {
    test('commits by the rows that were read', async () => {
      const installed = await install(opened.store);
      expect(await commitOne(opened.store, acceptance(installed))).toEqual(committed);
      const after = await reloadUser(opened.store, installed.user);
      expect(after.version).toBe(installed.user.version);
    });

    for (const kind of ['user', 'authenticator', 'application'] as const) {
      test(`conflicts when the ${kind} was edited since, and writes nothing`, async () => {
        const installed = await install(opened.store);
        expect(await opened.store.administer([editOf(kind, installed)], anEntry)).toEqual(
          committed,
        );
        expect(await commitOne(opened.store, acceptance(installed))).toEqual(conflict(kind));
        const { lastSuccessAtMs } = await reloadUser(opened.store, installed.user);
        expect(lastSuccessAtMs).toBeNull();
        const { lastStep } = await reloadApplication(opened.store, installed);
        expect(lastStep).toBe(installed.application.lastStep);
      });
    }
  });

  const grants: readonly (readonly [UserChange['kind'], boolean])[] = [
    ['success', false],
    ['issue', false],
    ['unlock-success', true],
    ['unlock-issue', true],
  ];
  for (const [kind, isLocked] of grants) {
    test(`${kind} needs the user as he was read`, async () => {
      const locked = { lockedAtMs: 1, lockedBy: 'threshold', unlockTries: 2 } as const;
      const { user } = await install(opened.store, { user: isLocked ? locked : {} });
      const change = { kind, userId: user.id, threshold: 3, expectedTries: 2 } as UserChange;
      const read = (version: number): Partial<Decision> => ({
        user: change,
        readVersions: { user: version, authenticator: null, application: null },
      });
      for (const version of [user.version - 1, user.version + 1]) {
        expect(await commitOne(opened.store, read(version))).toEqual(conflict('user'));
      }
      expect(await reloadUser(opened.store, user)).toEqual(user);
      expect(await commitOne(opened.store, read(user.version))).toEqual(committed);
    });
  }

  test('a failure counts, whatever was edited', async () => {
    const installed = await install(opened.store);
    await opened.store.administer([editOf('user', installed)], anEntry);
    const { user } = installed;
    const failure = { kind: 'failure', userId: user.id, threshold: 3 } as const;
    expect(await commitOne(opened.store, { user: failure })).toEqual(committed);
    expect((await reloadUser(opened.store, user)).lockCount).toBe(user.lockCount + 1);
  });
});
