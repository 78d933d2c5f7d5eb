import type { Application } from '../../src/domain/model.ts';
import type { EffectivePolicy } from '../../src/domain/policy-catalogue.ts';
import type { SynchronisationInput } from '../../src/domain/resync.ts';
import type { VerificationDecision } from '../../src/domain/verification.ts';
import {
  advanced,
  authenticatorWith,
  codeOf,
  injectiveMac,
  inputWith,
  noonMs,
  type Outcome,
  policyWith,
  responseAt,
  type Shown,
  verify,
  afterSync,
  partWith,
  stepAt,
  type SyncOutcome,
  synchronise,
} from './support.ts';

export type Accepted = Extract<VerificationDecision, { kind: 'accepted' }>;

export function accepted(outcome: Outcome): Accepted {
  if (outcome.kind !== 'accepted') throw new Error(`not accepted: ${codeOf(outcome)}`);
  return outcome;
}

/** Verifies what a device at `shown` shows, under MACs that never collide. */
export function attempt(
  application: Application,
  shown: Shown,
  settings: Partial<EffectivePolicy> = {},
  nowMs: number = noonMs,
): Outcome {
  const mac = injectiveMac();
  const response = responseAt(application, shown, mac);
  const devices = [authenticatorWith([application])];
  const input = inputWith(devices, response, shown.challenge ?? null);
  return verify(input, policyWith(settings), nowMs, mac);
}

export function afterwards(application: Application, outcome: Outcome): Application {
  return advanced(application, accepted(outcome).advance)!;
}

/** Synchronises with what a device shows at two places, under MACs that never collide. */
export function sync(
  application: Application,
  first: Shown,
  second: Shown,
  settings: Partial<EffectivePolicy> = {},
  nowMs: number = noonMs,
): SyncOutcome {
  const mac = injectiveMac();
  const part = (shown: Shown): SynchronisationInput['first'] =>
    partWith(responseAt(application, shown, mac), shown.challenge ?? null);
  const authenticator = authenticatorWith([application]);
  const input = { authenticator, first: part(first), second: part(second), pin: null };
  return synchronise(input, policyWith(settings), nowMs, mac);
}

export function synced(application: Application, outcome: SyncOutcome): Application {
  return afterSync(authenticatorWith([application]), outcome).applications[0]!;
}

export function counters(first: bigint, second: bigint): [Shown, Shown] {
  return [{ counter: first }, { counter: second }];
}

export function steps(first: bigint, second: bigint): [Shown, Shown] {
  return [{ step: stepAt() + first }, { step: stepAt() + second }];
}
