import { expect } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { AuthenticateRequest, Caller, IssuedAnswer } from '../../../src/service/index.ts';
import { type Bench, type BenchOptions, openBench } from '../../support/builders.ts';
import {
  giveContact,
  giveGateway,
  givePassword,
  giveVirtual,
  type ScriptedDelivery,
  scriptedDelivery,
} from '../../support/people.ts';
import { asking } from '../support.ts';

/** A bench with a gateway that keeps what it is given. */
export interface Stage {
  readonly bench: Bench;
  readonly delivery: ScriptedDelivery;
}

export async function openStage(options: BenchOptions = {}): Promise<Stage> {
  const delivery = scriptedDelivery();
  const bench = await openBench({ delivery, ...options });
  await giveGateway(bench);
  return { bench, delivery };
}

/** Nothing asks for anything, unless the settings say so. */
export const silent: PolicySettings = {
  twoStepRequestMethod: 'none',
  primaryVirtualRequestMethod: 'none',
  backupVirtualRequestMethod: 'none',
};

/** One text, as a person types it. */
export function typing(
  userName: string,
  text: string,
  more: Partial<AuthenticateRequest> = {},
): AuthenticateRequest {
  return asking(userName, { credential: { format: 'combined', text }, ...more });
}

/** `accepted by ...`, `issued`, or the code of the refusal. */
export async function outcomeOf(
  { service }: Pick<Bench, 'service'>,
  caller: Caller,
  request: AuthenticateRequest,
): Promise<string> {
  const answer = await service.authenticate(caller, request);
  if (answer.outcome === 'refused') return answer.code;
  return answer.outcome === 'accepted' ? `accepted by ${answer.by}` : 'issued';
}

/** What a request that has to be one is answered. */
export async function issuedFor(
  { service }: Pick<Bench, 'service'>,
  caller: Caller,
  request: AuthenticateRequest,
): Promise<IssuedAnswer> {
  const answer = await service.authenticate(caller, request);
  expect(answer).toMatchObject({ outcome: 'challenge-issued' });
  return answer as IssuedAnswer;
}

/** A user with a virtual mobile authenticator, a telephone and a password. */
export async function virtualUser({ bench }: Stage, password = 'Sommer-2026'): Promise<string> {
  const userName = await bench.user();
  await giveVirtual(bench, userName);
  await giveContact(bench, userName);
  await givePassword(bench, userName, password);
  return userName;
}

export async function lockCountOf({ service, admin }: Bench, userName: string): Promise<number> {
  return (await service.administration.user(admin, null, userName)).lockCount;
}
