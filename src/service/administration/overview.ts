import type { Administration } from '../api.ts';
import type { Store } from '../store.ts';
import { requireBoundedName } from '../request-members.ts';
import { requireUnscoped } from './access.ts';
import type { AtDesk } from './desk.ts';
import { checkListLimit } from './values.ts';

type Overview = Pick<Administration, 'auditEvents' | 'status'>;

/** Use cases that look at the whole installation. */
export function overviewAdministration(atDesk: AtDesk): Overview {
  return {
    auditEvents: (caller, instance, afterSequence, limit) =>
      atDesk(caller, 'audit.read', async ({ context }) => {
        requireUnscoped(caller);
        checkListLimit(limit);
        requireBoundedName('instance', instance ?? '');
        const meant = instance ?? context.instance;
        const after = afterSequence ?? (await beforeNewest(context.store, meant, limit));
        return context.store.auditEvents(meant, after, limit);
      }),
    status: (caller) =>
      atDesk(caller, 'configuration.read', async ({ context }) => {
        requireUnscoped(caller);
        const { instance, startedAtMs, health } = context;
        const fault = await health.store();
        const store = fault === null ? 'ok' : { code: fault.code, message: fault.message };
        return { instance, startedAtMs, module: await health.module(), store } as const;
      }),
  };
}

/** Sequences have no gaps, so the newest `limit` events are those after this one. */
async function beforeNewest(store: Store, instance: string, limit: number): Promise<number> {
  const instances = await store.auditInstances();
  const last = instances.find((each) => each.instance === instance)?.sequence ?? 0;
  return Math.max(0, last - limit);
}
