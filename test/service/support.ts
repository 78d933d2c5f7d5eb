import { expect } from 'vitest';
import { responseAlone } from '../../src/domain/credential.ts';
import type {
  AuthenticateRequest,
  Caller,
  Service,
  SynchroniseRequest,
} from '../../src/service/index.ts';
import type { Decision, Store } from '../../src/service/store.ts';
import { type Bench, hotp6, nextSerial, ocraTime, TestDevice, totp6 } from '../support/builders.ts';

/** A request with nothing narrowed and no request key. */
export function asking(
  userName: string,
  { response = '', ...more }: Partial<AuthenticateRequest> & { readonly response?: string } = {},
): AuthenticateRequest {
  return {
    userName,
    domainName: null,
    credential: responseAlone(response),
    challenge: null,
    challengeKey: null,
    serial: null,
    applicationName: null,
    requestKey: null,
    ...more,
  };
}

/** `accepted`, or the code of the refusal. */
export async function codeOf(
  service: Service,
  caller: Caller,
  request: AuthenticateRequest,
): Promise<string> {
  const answer = await service.authenticate(caller, request);
  return answer.outcome === 'refused' ? answer.code : answer.outcome;
}

/** A request for two responses, each with a challenge or none. */
export function syncing(
  userName: string,
  [first, second]: readonly [string, string],
  challenges: readonly [string | null, string | null] = [null, null],
  more: Partial<SynchroniseRequest> = {},
): SynchroniseRequest {
  return {
    userName,
    domainName: null,
    serial: null,
    pin: null,
    first: { response: first, challenge: challenges[0] },
    second: { response: second, challenge: challenges[1] },
    requestKey: null,
    ...more,
  };
}

/** `synchronised`, or the code of the refusal. */
export async function syncCodeOf(
  service: Service,
  caller: Caller,
  request: SynchroniseRequest,
): Promise<string> {
  const answer = await service.synchronise(caller, request);
  return answer.outcome === 'refused' ? answer.code : answer.outcome;
}

export function tally(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** The members that a request was refused for. */
export async function membersRefused(work: Promise<unknown>): Promise<string[]> {
  const error = await work.then(
    () => ({ code: 'none', fields: {} }),
    (thrown: unknown) => thrown as { code: string; fields: object },
  );
  expect(error.code).toBe('request-invalid');
  return Object.keys(error.fields);
}

/** The store with whatever methods stand in for its own at the moment of a call. */
export function replacing(instead: () => Partial<Store>): (store: Store) => Store {
  return (store) =>
    new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(instead(), name) ?? Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
}

/** Runs something between the decision and its commit, once. */
export function interrupting(run: () => Promise<unknown>): {
  wrap: (store: Store) => Store;
  arm: () => void;
  commits: Decision[];
} {
  let isArmed = false;
  const commits: Decision[] = [];
  return {
    commits,
    arm: () => {
      isArmed = true;
    },
    wrap: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === 'commit') {
            return async (decisions: readonly Decision[]) => {
              commits.push(...decisions);
              if (isArmed) {
                isArmed = false;
                await run();
              }
              return target.commit(decisions);
            };
          }
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  };
}

/** A device with one seed in three applications: ONE and TWO have a clock, THREE has a counter. */
export async function threeInOne(
  { service, admin }: Pick<Bench, 'service' | 'admin'>,
  userName: string,
): Promise<TestDevice> {
  const serial = nextSerial();
  const seed = new Uint8Array(20).fill(7);
  await service.administration.createAuthenticator(admin, {
    serial,
    model: 'TEST',
    expiresAtMs: null,
    applications: (
      [
        ['ONE', totp6, 'response-only'],
        ['TWO', ocraTime, 'challenge-response'],
        ['THREE', hotp6, 'response-only'],
      ] as const
    ).map(([name, algorithm, mode]) => ({
      name,
      mode,
      algorithm,
      seed: { source: 'import', bytes: Uint8Array.from(seed) },
      eventCounter: 0n,
    })),
  });
  await service.administration.assignAuthenticator(admin, serial, null, userName);
  return new TestDevice(serial, 'ONE', totp6, seed);
}
