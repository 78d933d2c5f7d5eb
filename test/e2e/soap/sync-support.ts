import { expect } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import type { Edges } from './edges.ts';
import { signedBy, signer } from '../../service/signing.ts';
import { hotp6, type TestDevice } from '../../support/builders.ts';
import { soapCall, typedCommand } from '../../support/soap-client.ts';

export interface Part {
  readonly response?: string;
  readonly challenge?: string;
  readonly challengeKey?: string;
}

/** A request before either edge has put it into its own words. */
export interface Asked {
  readonly componentType?: string;
  readonly userID?: string;
  readonly otp1?: Part;
  readonly otp2?: Part;
  readonly serialNumber?: string;
  readonly pin?: string;
}

export interface SyncWorld {
  readonly userName: string;
  readonly device: TestDevice;
  readonly program: { readonly type: string; readonly key: string };
  readonly pair: (first: number) => { readonly otp1: Part; readonly otp2: Part };
}

export async function syncWorld(
  edges: Edges,
  settings: PolicySettings = {},
  algorithm: typeof hotp6 = hotp6,
): Promise<SyncWorld> {
  const { bench } = edges;
  const userName = await bench.user();
  const device = await bench.device(algorithm, { userName });
  return {
    userName,
    device,
    program: await edges.component(settings),
    pair: (first) => ({
      otp1: { response: device.response({ counter: first }) },
      otp2: { response: device.response({ counter: first + 1 }) },
    }),
  };
}

/** A device that signs, and what it shows over the same fields twice. */
export async function signerWorld(edges: Edges): Promise<SyncWorld> {
  const { bench } = edges;
  const signs = await signer(bench);
  const at = (steps: number): Part => ({ response: signedBy(bench, signs.device, steps) });
  const program = await edges.component({});
  return { ...signs, program, pair: (first) => ({ otp1: at(first), otp2: at(first + 1) }) };
}

export async function lockCountOf({ bench }: Edges, { userName }: SyncWorld): Promise<number> {
  return (await bench.service.administration.user(bench.admin, null, userName)).lockCount;
}

export async function bySoap(
  url: string,
  world: SyncWorld,
  asked: Asked,
  userName: string,
): Promise<string> {
  const { componentType = world.program.type, userID = userName, otp1, otp2 } = asked;
  const { serialNumber, pin } = asked;
  const answer = await soapCall(
    url,
    typedCommand('aut:syncTokenAndHost', {
      componentType: componentType === '' ? undefined : componentType,
      user: { userID: userID === '' ? undefined : userID },
      credential: { otp1, otp2, serialNumber, pin },
    }),
  );
  expect(answer).toMatchObject({ httpStatus: 200, fault: null });
  const isSuccess = answer.statusCodeEnum === 'STAT_SUCCESS';
  expect(answer.returnCodeEnum).toBe(isSuccess ? 'RET_SUCCESS' : 'RET_FAILURE');
  expect(answer.errors.length > 0).toBe(!isSuccess);
  // The interface says that the result is always there.
  expect(answer.text).toMatch(/<result[ >].*<user[ >].*<userID[^>]*>/);
  return answer.statusCodeEnum;
}

export async function byRest(
  edges: Edges,
  world: SyncWorld,
  asked: Asked,
  userName: string,
): Promise<string> {
  const { otp1, otp2, serialNumber: serial, pin } = asked;
  const body = { user: userName, first: otp1, second: otp2, serial, pin };
  return (await edges.rest(world.program.key, '/v1/sync', body)).code;
}
