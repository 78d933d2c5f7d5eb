import { z } from 'zod';
import type { AcceptedAnswer, AuthenticateRequest } from '../service/api.ts';
import { type CredentialBody, credentialMembers, credentialOf } from './credential.ts';

type Optional = 'domain' | 'challenge' | 'challengeKey' | 'serial' | 'application';
const optionalText = z.string().optional();

/** The members of a request that verifies somebody. */
export const authenticateMembers: typeof credentialMembers & {
  readonly user: z.ZodString;
} & Readonly<Record<Optional, z.ZodOptional<z.ZodString>>> = {
  user: z.string(),
  domain: optionalText,
  ...credentialMembers,
  challenge: optionalText,
  challengeKey: optionalText,
  serial: optionalText,
  application: optionalText,
};

type AuthenticateBody = CredentialBody & { readonly user: string } & Readonly<
    Partial<Record<Optional, string | undefined>>
  >;

/** @throws TallystickError `request-invalid` as `credentialOf` */
export function authenticateRequest(
  given: AuthenticateBody,
  requestKey: string | null,
): AuthenticateRequest {
  const { user, domain, challenge, challengeKey, serial, application } = given;
  return {
    userName: user,
    domainName: domain ?? null,
    credential: credentialOf(given),
    challenge: challenge ?? null,
    challengeKey: challengeKey ?? null,
    serial: serial ?? null,
    applicationName: application ?? null,
    requestKey,
  };
}

/** What is told of somebody who was verified. */
export function acceptedJson(answer: AcceptedAnswer): object {
  return {
    outcome: answer.outcome,
    by: answer.by,
    user: answer.userName,
    domain: answer.domainName,
    organisationalUnit: answer.organisationalUnit,
    serial: answer.serial,
    application: answer.applicationName,
    pinChanged: answer.pinChanged,
    passwordExpiresAtMs: answer.passwordExpiresAtMs,
    ...(answer.hostCode === undefined ? {} : { hostCode: answer.hostCode }),
  };
}
