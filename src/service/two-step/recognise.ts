import { isInGrace, isPasswordPermitted } from '../../domain/grace.ts';
import type {
  AuthenticatorWithApplications,
  ProvenPin,
  UserWithAuthenticators,
} from '../../domain/model.ts';
import {
  capableOf,
  type RequestReading,
  requestReadings,
  requestText,
} from '../../domain/requests.ts';
import { hasPin, planPins } from '../../domain/server-pin.ts';
import { createPinTape } from '../pins.ts';
import { isRightBesideDevices, type PasswordTape } from '../passwords/tape.ts';
import type { Examined } from '../verdicts.ts';
import type { Progress } from '../verify/progress.ts';

/** What a text turned out to ask for. */
export type Recognised =
  | {
      readonly kind: 'request';
      readonly reading: RequestReading;
      readonly capable: readonly AuthenticatorWithApplications[];
      readonly provenPins: readonly ProvenPin[];
    }
  /** The password asks for nothing while it still lets its user in. */
  | { readonly kind: 'password' }
  | {
      readonly kind: 'nothing';
      /** A PIN was put forward for a device that has one, and was wrong. */
      readonly wasPinWrong: boolean;
    };

/**
 * Whether a text is a request, of which kind. That somebody can do what is asked for is looked at
 * first: what nobody can do is ignored, and the next process tried. Then password or PIN have to be
 * right; a wrong one is no request.
 */
export async function recognise<Success extends { readonly outcome: string }>(
  progress: Progress<Success>,
  { policy }: Examined,
  found: UserWithAuthenticators,
  passwords: PasswordTape,
): Promise<Recognised> {
  const { request, nowMs } = progress;
  const { authenticators } = found;
  const { credential } = request;
  const text = requestText(credential);
  let wasPinWrong = false;
  const readings = text === null ? [] : requestReadings(text, policy);
  for (const reading of readings) {
    const capable = capableOf(reading.process, authenticators, request.serial, nowMs, policy);
    if (capable.length === 0) continue;
    if (reading.password !== null) {
      if (!(await isRightBesideDevices(passwords, reading.password, credential, found))) continue;
      if (logsOn(capable)) return { kind: 'password' };
    }
    if (reading.pin === null) return { kind: 'request', reading, capable, provenPins: [] };
    const shown = await provePin(progress, capable, reading.pin);
    if (shown.proven.length > 0) return { kind: 'request', reading, ...shown.with };
    wasPinWrong ||= shown.isAsked;
  }
  return { kind: 'nothing', wasPinWrong };

  function logsOn(capable: readonly AuthenticatorWithApplications[]): boolean {
    const all = authenticators.map(({ authenticator }) => authenticator);
    const isPermitted = isPasswordPermitted(all, policy.localAuthentication, nowMs, policy);
    return isPermitted && capable.some((one) => isInGrace(one.authenticator, nowMs, policy));
  }
}

interface ShownPin {
  readonly proven: readonly ProvenPin[];
  readonly with: Pick<Extract<Recognised, { kind: 'request' }>, 'capable' | 'provenPins'>;
  /** Some device has a PIN, so that this one was compared. */
  readonly isAsked: boolean;
}

/** The PINs of capable devices that this is; only devices with one of them can do what is asked. */
async function provePin<Success extends { readonly outcome: string }>(
  { context }: Progress<Success>,
  capable: readonly AuthenticatorWithApplications[],
  pin: string,
): Promise<ShownPin> {
  const applications = capable
    .flatMap((one) => one.applications)
    .filter((application) => hasPin(application.pin));
  const plan = planPins(applications.map((application) => ({ application, pin })));
  const wrong = await createPinTape(context, context.logon, plan).wrong();
  const right = applications.filter(({ id }) => !wrong.has(id));
  const proven = right.map(({ id, pin: { version } }) => ({
    applicationId: id,
    pinVersion: version,
  }));
  const owners = new Set(right.map(({ authenticatorId }) => authenticatorId));
  return {
    proven,
    with: {
      capable: capable.filter(({ authenticator }) => owners.has(authenticator.id)),
      provenPins: proven,
    },
    isAsked: applications.length > 0,
  };
}
