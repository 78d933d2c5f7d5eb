import { serves } from '../../domain/application-use.ts';
import type { Application, PinVerifier } from '../../domain/model.ts';
import { editedPin, isPinMinimum, needsEnabledPin, type PinEdit } from '../../domain/pin-edit.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { type PinFlaw, pinLengthMax, pinLengthMin, pinRefusal } from '../../domain/server-pin.ts';
import { TallystickError } from '../../errors.ts';
import { constantTimeEqualText } from '../../oath/index.ts';
import type { Administration, AuthenticatorView } from '../api.ts';
import { newPinVerifier } from '../pins.ts';
import { invalidMember } from '../problems.ts';
import type { AuditEntry } from '../store.ts';
import type { Permission } from './access.ts';
import {
  authenticatorView,
  requireApplications,
  requireAuthenticator,
  requireEditable,
} from './authenticators.ts';
import { administer, type AtDesk, type Desk, doneEntry } from './desk.ts';
import { requireEffectivePolicy } from './policies.ts';

/** Whether there is a PIN at all is the administrator's affair; a forgotten one the help desk's. */
const permissions: Readonly<Record<PinEdit['action'], Permission>> = {
  enable: 'authenticators.write',
  disable: 'authenticators.write',
  minimum: 'authenticators.write',
  set: 'authenticators.assign',
  reset: 'authenticators.assign',
  force: 'authenticators.assign',
};

/** The use case about server PINs. */
export function pinAdministration(atDesk: AtDesk): Pick<Administration, 'editPin'> {
  return {
    editPin: (caller, serial, applicationName, edit) =>
      atDesk(caller, permissions[edit.action], (desk) =>
        editPin(desk, serial, applicationName, edit),
      ),
  };
}

async function editPin(
  desk: Desk,
  serial: string,
  applicationName: string | null,
  edit: PinEdit,
): Promise<AuthenticatorView> {
  checkMinimum(edit);
  await administer(desk, 'The authenticator', null, async () => {
    const { authenticator, applications } = await requireEditable(desk, serial);
    const meant = meantBy(edit, applications, applicationName);
    if (edit.action === 'set') checkPin(desk, edit, meant);
    const verifiers = await Promise.all(meant.map(({ id }) => verifierFor(desk, edit, id)));
    return {
      changes: meant.map(({ id, version: expectedVersion, pin }, index) => ({
        change: 'update',
        kind: 'application',
        id,
        expectedVersion,
        set: { pin: editedPin(pin, edit, verifiers[index] ?? null) },
      })),
      audit: doneEntry(desk, `authenticator.pin-${edit.action}`, authenticator.serial, {
        applications: meant.map(({ name }) => name).join(','),
        ...detailsOf(edit),
      }),
    };
  });
  return authenticatorView(desk, await requireAuthenticator(desk, serial));
}

/**
 * The named application; else all that verify somebody and, where the edit needs it, have a PIN.
 *
 * @throws TallystickError `not-found`, `request-invalid` for an application that verifies nobody, or
 *   `conflict` with reason `pin-not-enabled`
 */
function meantBy(
  edit: PinEdit,
  applications: readonly Application[],
  applicationName: string | null,
): readonly Application[] {
  const verifying = requireApplications(applications, applicationName).filter(({ mode }) =>
    serves(mode, 'logon'),
  );
  if (verifying.length === 0) {
    throw invalidMember('applicationName', 'must be one that verifies: others have no server PIN');
  }
  if (!needsEnabledPin(edit)) return verifying;
  const enabled = verifying.filter(({ pin }) => pin.isEnabled);
  if (enabled.length > 0) return enabled;
  throw new TallystickError('conflict', 'The server PIN is not enabled; enable it first.', {
    fields: { reason: 'pin-not-enabled' },
  });
}

/** @throws TallystickError `request-invalid` */
function checkMinimum(edit: PinEdit): void {
  if (edit.action !== 'enable' && edit.action !== 'minimum') return;
  if (edit.minimumLength === null || isPinMinimum(edit.minimumLength)) return;
  const allowed = `must be a whole number from ${pinLengthMin} to ${pinLengthMax}`;
  throw invalidMember('minimumLength', allowed);
}

type PinSetting = Extract<PinEdit, { readonly action: 'set' }>;

/** @throws TallystickError `request-invalid`, never with the PIN; `not-found` for a policy */
function checkPin(
  { configuration, standing }: Desk,
  { newPin, mustChange, policyName }: PinSetting,
  applications: readonly Application[],
): void {
  const { pin, confirmation } = newPin;
  if (!constantTimeEqualText(pin, confirmation)) {
    throw invalidMember('confirmation', 'must be the same as the PIN');
  }
  const { policy } =
    policyName === null ? standing : requireEffectivePolicy(configuration, policyName);
  if (pin === '') {
    if (mustChange) throw invalidMember('mustChange', 'must be left out with no PIN: reset it');
    return;
  }
  const minimumLength = Math.max(...applications.map((one) => one.pin.minimumLength));
  const code = pinRefusal(pin, minimumLength, policy);
  if (code !== null) throw invalidMember('pin', refusalTexts(minimumLength, policy)[code]);
}

function refusalTexts(
  minimumLength: number,
  { pinCharacters }: EffectivePolicy,
): Readonly<Record<PinFlaw, string>> {
  const lengths = `must have ${minimumLength} to ${pinLengthMax} characters`;
  const characters = { digits: 'digits', alphanumeric: 'digits and the letters A to Z and a to z' };
  return {
    'pin-too-short': `is too short: it ${lengths}`,
    'pin-too-long': `is too long: it ${lengths}`,
    'pin-malformed': `must be made of ${characters[pinCharacters]} by the policy`,
    'pin-weak':
      'is easy to guess: no one character repeated, no even run like 1234, no half said twice',
  };
}

async function verifierFor(
  { context }: Desk,
  edit: PinEdit,
  applicationId: string,
): Promise<PinVerifier | null> {
  if (edit.action !== 'set' || edit.newPin.pin === '') return null;
  return newPinVerifier(context, applicationId, edit.newPin.pin);
}

/** What the audit keeps beside the action: nothing of the PIN itself. */
function detailsOf(edit: PinEdit): AuditEntry['details'] {
  switch (edit.action) {
    case 'set':
      return { isCleared: edit.newPin.pin === '', mustChange: edit.mustChange };
    case 'enable':
    case 'minimum':
      return edit.minimumLength === null ? {} : { minimumLength: edit.minimumLength };
    case 'disable':
    case 'reset':
    case 'force':
      return {};
  }
}
