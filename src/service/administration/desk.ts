import { type ErrorCode, TallystickError } from '../../errors.ts';
import type { Admission } from '../admission.ts';
import type { Caller } from '../api.ts';
import { auditEntry, doneOutcome } from '../audit-entries.ts';
import type { Configuration, ResolvedComponent } from '../configuration.ts';
import type { Context } from '../deps.ts';
import type { AuditEntries, AuditEntry, Raise, RecordChange } from '../store.ts';
import { isLiveKey, type Permission, requirePermission, requireStanding } from './access.ts';

/** Where one administrative request is worked on: who asks, when, and the newest configuration. */
export interface Desk {
  readonly context: Context;
  readonly caller: Caller;
  readonly configuration: Configuration;
  readonly standing: ResolvedComponent;
  readonly nowMs: number;
}

/** Work of which the audit is to have each refusal as well. */
export type Attempt = Pick<AuditEntry, 'action' | 'subject' | 'details'>;

/**
 * Opens a desk for a caller who has the permission, and works at it.
 *
 * @param attempt given where a refusal, of the permission or by the work, is written down
 */
export type AtDesk = <Result>(
  caller: Caller,
  permission: Permission,
  work: (desk: Desk) => Promise<Result>,
  attempt?: Attempt,
) => Promise<Result>;

/** What is to be written, decided after reading what is there. */
export interface Proposal {
  readonly changes: readonly (RecordChange | Raise)[];
  readonly audit: AuditEntries;
}

const proposalsMax = 4;

/**
 * Administration reads the configuration anew each time: a deleted key must not administer, and
 * what was saved through another instance must be seen.
 */
export function createDesks(context: Context, admission: Admission): AtDesk {
  return (caller, permission, work, attempt) =>
    admission.admit(async () => {
      try {
        return await work(await openDesk(context, caller, permission));
      } catch (error) {
        if (attempt !== undefined) await noteRefused(context, caller, attempt, error);
        throw error;
      }
    });
}

async function openDesk(context: Context, caller: Caller, permission: Permission): Promise<Desk> {
  requirePermission(caller, permission);
  const nowMs = context.clock.nowMs();
  const configuration = await context.configuration.reload();
  const standing = requireStanding(configuration, caller, nowMs);
  return { context, caller, configuration, standing, nowMs };
}

/** What a caller is refused; all else failed, and refuses nothing. */
const refusalCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'request-invalid',
  'not-found',
  'forbidden',
  'conflict',
  'policy-refused',
]);

/** Only of whom we know: strangers write nothing, and fill no audit. */
async function noteRefused(
  context: Context,
  caller: Caller,
  attempt: Attempt,
  error: unknown,
): Promise<void> {
  if (!(error instanceof TallystickError) || !refusalCodes.has(error.code)) return;
  const nowMs = context.clock.nowMs();
  if (!isKnown(await context.configuration.reload(), caller, nowMs)) return;
  const { reason } = error.fields;
  const outcome = typeof reason === 'string' ? reason : error.code;
  await context.store.administer([], auditEntry(caller, nowMs, { ...attempt, outcome }));
}

/** By a key that is good, or by having signed in; a program without a key is anybody. */
function isKnown(configuration: Configuration, caller: Caller, nowMs: number): boolean {
  return caller.keyId === null ? caller.role !== 'client' : isLiveKey(configuration, caller, nowMs);
}

/** The audit entry of administrative work that was done. */
export function doneEntry(
  desk: Desk,
  action: string,
  subject: string,
  details: AuditEntry['details'] = {},
): AuditEntry {
  return auditEntry(desk.caller, desk.nowMs, { action, outcome: doneOutcome, subject, details });
}

/**
 * Writes a proposal. Without an expected version of the caller's, a conflict means that somebody
 * else wrote between our reading and our writing: propose again.
 *
 * @param what names the record in error texts
 * @param expectedVersion null: whatever is there now
 * @param attemptsMax more where many may come at once: one of them gets through each time
 * @throws TallystickError `conflict` or `not-found`
 */
export async function administer(
  desk: Desk,
  what: string,
  expectedVersion: number | null,
  propose: () => Proposal | Promise<Proposal>,
  attemptsMax: number = proposalsMax,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { changes, audit } = await propose();
    const result = await desk.context.store.administer(changes, audit);
    switch (result.status) {
      case 'committed':
        return;
      case 'conflict':
        if (expectedVersion === null && attempt < attemptsMax) continue;
        throw new TallystickError('conflict', `${what} was changed by somebody else meanwhile.`, {
          fields: { reason: 'version' },
        });
      case 'exists':
        throw new TallystickError('conflict', `${what} exists already.`, {
          fields: { reason: 'exists' },
        });
      case 'referenced':
        throw new TallystickError('conflict', `${what} is still in use.`, {
          fields: { reason: 'referenced' },
        });
      case 'missing':
        throw notFound(what);
    }
  }
}

/** Whether somebody else was in the way of what was to be written. */
export function isConflict(error: unknown): boolean {
  return error instanceof TallystickError && error.code === 'conflict';
}

export function notFound(what: string): TallystickError {
  return new TallystickError('not-found', `${what} does not exist.`);
}
