import type { Application } from './model.ts';

/** What an administrator does to a learned drift. */
export type DriftChange =
  | { readonly action: 'set'; readonly driftSeconds: number }
  | { readonly action: 'zero' | 'freeze' | 'thaw' };

/**
 * What such a change makes of an application: a new epoch, in which nothing that a logon decided
 * before can be written, and nothing remembered of refused responses. A drift that is given is as
 * good as learned at this instant, and what was seen until then says nothing of it. What was used
 * stays used, and is not written: a logon may move it at this moment.
 */
export function changedDrift(
  { epoch }: Pick<Application, 'epoch'>,
  change: DriftChange,
  nowMs: number,
): Partial<Application> & Pick<Application, 'epoch' | 'pendingSync'> {
  const begun = { epoch: epoch + 1, pendingSync: null };
  switch (change.action) {
    case 'set':
    case 'zero': {
      const driftSeconds = change.action === 'set' ? change.driftSeconds : 0;
      return { ...begun, driftSeconds, driftAtMs: nowMs, driftHistory: '' };
    }
    case 'freeze':
      return { ...begun, isDriftFrozen: true };
    case 'thaw':
      return { ...begun, isDriftFrozen: false };
  }
}
