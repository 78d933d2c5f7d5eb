import type { Administration } from '../api.ts';
import { requireBoundedName } from '../request-members.ts';
import { requireUnscoped } from './access.ts';
import type { AtDesk } from './desk.ts';
import { checkListLimit } from './values.ts';

type Overview = Pick<Administration, 'auditEvents' | 'status'>;

/** Use cases that look at the whole installation. */
export function overviewAdministration(atDesk: AtDesk): Overview {
  return {
    auditEvents: (caller, instance, afterSequence, limit) =>
      atDesk(caller, 'audit.read', ({ context }) => {
        requireUnscoped(caller);
        checkListLimit(limit);
        requireBoundedName('instance', instance ?? '');
        return context.store.auditEvents(instance ?? context.instance, afterSequence, limit);
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
