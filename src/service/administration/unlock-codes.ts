import type { Application, AuthenticatorWithApplications } from '../../domain/model.ts';
import { isUnlockChallenge, unlockSuite } from '../../domain/unlock.ts';
import { TallystickError } from '../../errors.ts';
import { readResponse, responseMessage } from '../../oath/index.ts';
import type { Administration } from '../api.ts';
import { doneOutcome, storedEntry } from '../audit-entries.ts';
import { fromModule, moduleError, seedReference } from '../module-calls.ts';
import { invalidMember } from '../problems.ts';
import { requireBoundedName } from '../request-members.ts';
import { requireEditable } from './authenticators.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';

const action = 'authenticator.unlock-code';
const codesMax = 5;
const codesWithinMs = 3_600_000;
/** As many events as the store reads at once. */
const eventsReadMax = 1000;

/** The use case of the help desk whose caller reads a challenge from a locked device. */
export function unlockCodeAdministration(atDesk: AtDesk): Pick<Administration, 'unlockCode'> {
  return {
    unlockCode: (caller, serial, challenge, reason) =>
      atDesk(caller, 'authenticators.unlock', async (desk) => {
        checkReason(reason, challenge);
        return unlockCode(desk, serial, challenge, reason);
      }),
  };
}

/**
 * The audit keeps the reason, and counts the codes. Each code raises the authenticator's version:
 * of two requests that counted the same, only one commits, and the other counts again.
 */
async function unlockCode(
  desk: Desk,
  serial: string,
  challenge: string,
  reason: string | null,
): ReturnType<Administration['unlockCode']> {
  let given = { serial, code: '', codesLeft: 0 };
  await administer(desk, 'The authenticator', null, async () => {
    const found = await requireEditable(desk, serial);
    const { authenticator } = found;
    const application = unlockApplication(desk, found);
    checkChallenge(application, challenge);
    const codesLeft = (await requireFew(desk, authenticator.serial)) - 1;
    const code = await computeCode(desk, found, application, challenge);
    given = { serial: authenticator.serial, code, codesLeft };
    const { id, version } = authenticator;
    return {
      changes: [{ change: 'update', kind: 'authenticator', id, expectedVersion: version, set: {} }],
      audit: doneEntry(desk, action, authenticator.serial, {
        application: application.name,
        reason,
      }),
    };
  });
  return given;
}

/** @throws TallystickError `request-invalid`: the audit keeps no challenge, whoever wrote it down */
function checkReason(reason: string | null, challenge: string): void {
  if (reason === null) return;
  requireBoundedName('reason', reason);
  if (challenge !== '' && reason.includes(challenge)) {
    throw invalidMember('reason', 'must not hold the challenge');
  }
}

/**
 * @throws TallystickError `not-found`, or `conflict` for an authenticator that is out of use: who
 *   found it must not get it unlocked
 */
function unlockApplication(
  { nowMs }: Desk,
  { authenticator, applications }: AuthenticatorWithApplications,
): Application {
  const application = applications.find(({ mode }) => mode === 'unlock');
  if (application === undefined) throw notFound('The unlock application of the authenticator');
  const { expiresAtMs } = authenticator;
  if (authenticator.isDisabled || application.isDisabled) throw outOfUse('disabled');
  if (expiresAtMs !== null && nowMs >= expiresAtMs) throw outOfUse('expired');
  return application;
}

function outOfUse(reason: 'disabled' | 'expired'): TallystickError {
  const message = `The authenticator is ${reason}, so it is not unlocked.`;
  return new TallystickError('conflict', message, { fields: { reason } });
}

/** @throws TallystickError `request-invalid` for what no device of this application shows */
function checkChallenge({ algorithm }: Application, challenge: string): void {
  const suite = unlockSuite(algorithm);
  if (suite === null) throw new RangeError('applications of this mode were checked when created');
  if (isUnlockChallenge(suite, challenge)) return;
  const digitsMax = suite.dataInput.question?.maxLength ?? 0;
  const allowed = digitsMax === 4 ? '4 decimal digits' : `4 to ${digitsMax} decimal digits`;
  throw invalidMember('challenge', `must be ${allowed}, as the device shows them`);
}

/**
 * How many codes may be given yet: one at least.
 *
 * @throws TallystickError `policy-refused`, reason `unlock-code-limit`
 */
async function requireFew({ context, nowMs }: Desk, serial: string): Promise<number> {
  const events = await context.store.auditEventsAbout(serial, eventsReadMax);
  const recent = events.filter(({ atMs }) => atMs > nowMs - codesWithinMs);
  const codes = recent.map(storedEntry).filter((entry) => {
    return entry.action === action && entry.outcome === doneOutcome;
  });
  const fields = { reason: 'unlock-code-limit' };
  if (codes.length >= codesMax) {
    const againAtMs = Math.min(...codes.map(({ atMs }) => atMs)) + codesWithinMs;
    const waitMinutes = Math.ceil((againAtMs - nowMs) / 60_000);
    const message =
      `There were ${codesMax} unlock codes for this authenticator within the hour; ` +
      `minutes until there is one again: ${waitMinutes}.`;
    throw new TallystickError('policy-refused', message, { fields });
  }
  // Other events in their hundreds must not hide codes that came before them.
  if (recent.length >= eventsReadMax) {
    const message =
      'So much was done to this authenticator within the hour that its unlock codes cannot be ' +
      'counted; wait an hour.';
    throw new TallystickError('policy-refused', message, { fields });
  }
  return codesMax - codes.length;
}

/** @throws TallystickError what the module failed with */
async function computeCode(
  { context }: Desk,
  { authenticator }: AuthenticatorWithApplications,
  application: Application,
  challenge: string,
): Promise<string> {
  const { algorithm } = application;
  const message = responseMessage(algorithm, { question: challenge });
  const job = { seed: seedReference(authenticator, application), messages: [message] };
  const [result] = await fromModule(context.module.mac([job], context.background));
  message.fill(0);
  if (result?.ok === false) throw moduleError(result.failure);
  const mac = result?.macs[0];
  if (mac === undefined) throw new RangeError('a MAC for the message');
  const code = readResponse(algorithm, mac);
  mac.fill(0);
  return code;
}
