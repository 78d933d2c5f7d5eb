import type { Decision, ReadVersions } from '../service/store.ts';

const unread: ReadVersions = { user: null, authenticator: null, application: null };

/** The versions that a decision depends on; null switches a condition off. */
export function readVersionsOf({ readVersions }: Decision): ReadVersions {
  return readVersions ?? unread;
}
