import { createHash } from 'node:crypto';
import type { ApplicationMode } from '../../src/domain/model.ts';
import { signatureText } from '../../src/oath/index.ts';
import type { Caller, SignatureRequest } from '../../src/service/index.ts';
import { type Bench, nextSerial, TestDevice } from '../support/builders.ts';

export const timed = { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-8:QH40-T30S' } as const;
export const counted = { kind: 'challenge-response', suite: 'OCRA-1:HOTP-SHA1-8:C-QH40' } as const;
export const fields: readonly string[] = ['4711', '125000', 'abc'];

export function digestOf(of: readonly string[] = fields): string {
  return createHash('sha1').update(signatureText(of)).digest('hex');
}

export interface Signer {
  readonly userName: string;
  readonly device: TestDevice;
}

/** A user's device with one application that signs. */
export async function signer(
  bench: Bench,
  algorithm: { readonly kind: 'challenge-response'; readonly suite: string } = timed,
  mode: ApplicationMode = 'signature',
): Promise<Signer> {
  const userName = await bench.user();
  const serial = nextSerial();
  const seed = new Uint8Array(createHash('sha1').update(serial).digest());
  const { administration } = bench.service;
  await administration.createAuthenticator(bench.admin, {
    serial,
    model: 'TEST',
    expiresAtMs: null,
    applications: [
      {
        name: 'SIGN',
        mode,
        algorithm,
        seed: { source: 'import', bytes: Uint8Array.from(seed) },
        eventCounter: 0n,
      },
    ],
  });
  await administration.assignAuthenticator(bench.admin, serial, null, userName);
  return { userName, device: new TestDevice(serial, 'SIGN', algorithm, seed) };
}

export function signing(
  userName: string,
  signature: string,
  more: Partial<SignatureRequest> = {},
): SignatureRequest {
  return {
    userName,
    domainName: null,
    signature,
    fields,
    serial: null,
    applicationName: null,
    requestKey: null,
    ...more,
  };
}

/** `signature-accepted`, or the code of the refusal. */
export async function signatureCodeOf(
  { service }: Bench,
  caller: Caller,
  request: SignatureRequest,
): Promise<string> {
  const answer = await service.verifySignature(caller, request);
  return answer.outcome === 'refused' ? answer.code : answer.outcome;
}

/** What the device shows over the fields, so many steps from now. */
export function signedBy(
  { clock }: Bench,
  device: TestDevice,
  steps = 0,
  of: readonly string[] = fields,
): string {
  return device.response({ nowMs: clock.nowMs() + steps * 30_000, challenge: digestOf(of) });
}
