import { asksForPin } from '../../../src/domain/emergency.ts';
import { policyDefaults } from '../../../src/domain/policy-catalogue.ts';
import type { EffectivePolicy, PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { Caller, IssuedEmergencyCode, NewEmergencyCode } from '../../../src/service/index.ts';
import type { Context } from '../../../src/service/deps.ts';
import { emergencyForPackage, type PackagedCode } from '../../../src/service/emergency/package.ts';
import { systemRandom } from '../../../src/service/identifiers.ts';
import { type Bench, hotp6, type TestDevice } from '../../support/builders.ts';
import { givePin } from '../../support/pins.ts';
import { asking } from '../support.ts';

/** Every emergency code there is, and nothing locks the user. */
export const allCodes: PolicySettings = {
  emergencyTokencode: true,
  emergencyPasscode: true,
  emergencyOnlineAllowed: true,
  emergencyOnlineCodes: true,
  userLockThreshold: 0,
};

export interface Holder {
  readonly userName: string;
  readonly device: TestDevice;
  readonly serial: string;
}

/** A user with a device, and a PIN if one is given. */
export async function holder(bench: Bench, pin: string | null = null): Promise<Holder> {
  const userName = await bench.user();
  const device = await bench.device(hotp6, { userName });
  if (pin !== null) await givePin(bench, device.serial, pin);
  return { userName, device, serial: device.serial };
}

export function issueCode(
  { service }: Bench,
  caller: Caller,
  serial: string,
  asked: Pick<NewEmergencyCode, 'kind'> & Partial<NewEmergencyCode>,
): Promise<IssuedEmergencyCode> {
  const nothing = { count: null, lifetimeDays: null, isOnlineAllowed: null };
  return service.administration.issueEmergencyCode(caller, serial, { ...nothing, ...asked });
}

/** Reads a code out: what the help desk would say. */
export async function readOut(
  { service }: Bench,
  caller: Caller,
  serial: string,
  id: string,
): Promise<string> {
  const answer = await service.administration.revealEmergencyCode(caller, serial, id, 'lost');
  if (answer.outcome !== 'revealed') throw new Error(answer.outcome);
  return answer.code;
}

export function effectiveWith(settings: PolicySettings): EffectivePolicy {
  return { ...policyDefaults, ...settings };
}

/** What a package of this authenticator would hold. */
export async function packaged(
  bench: Bench,
  serial: string,
  policy: EffectivePolicy,
  more: Partial<Context> = {},
  pinMode?: 'none' | 'server',
): Promise<readonly PackagedCode[]> {
  const owner = (await bench.store.authenticatorBySerial(serial))!;
  const wanted = {
    user: { id: owner.authenticator.userId! },
    owner,
    pinMode: pinMode ?? (asksForPin(owner) ? 'server' : 'none'),
    nowMs: bench.clock.nowMs(),
    policy,
  };
  return emergencyForPackage(contextOf(bench, more), wanted, Infinity);
}

/** As much of a context as emergency codes need. */
export function contextOf({ store, module }: Bench, more: Partial<Context> = {}): Context {
  const logon = { lane: 'logon', deadlineMs: 5000 };
  return { store, module, randomBytes: systemRandom, logon, ...more } as Context;
}

/** `accepted by ...`, or the code of the refusal. */
export async function outcomeOf(
  { service }: Bench,
  caller: Caller,
  userName: string,
  text: string,
): Promise<string> {
  const answer = await service.authenticate(
    caller,
    asking(userName, { credential: { format: 'combined', text } }),
  );
  if (answer.outcome === 'refused') return answer.code;
  return answer.outcome === 'accepted' ? `accepted by ${answer.by}` : answer.outcome;
}
