import type { Gateway } from '../../../src/domain/gateway.ts';
import type { IssuedOtp } from '../../../src/domain/model.ts';
import type { Decision, Store } from '../../../src/service/store.ts';
import { atMs, commitOne, freshId, type Installed } from './records.ts';

/** What is generated here and sent, and the ways by which it leaves. */

export function anOtp(
  { user, authenticator }: Pick<Installed, 'user' | 'authenticator'>,
  more: Partial<IssuedOtp> = {},
): IssuedOtp {
  return {
    id: freshId(),
    handle: freshId().slice(-10),
    userId: user.id,
    componentType: 'Gateway',
    kind: 'virtual-primary',
    method: 'keyword-only',
    provenPins: [],
    userVersion: user.version,
    authenticatorId: authenticator.id,
    authenticatorVersion: authenticator.version,
    otpDigits: 6,
    otpMac: '5c'.repeat(32),
    missCount: 0,
    issuedAtMs: atMs,
    expiresAtMs: atMs + 60_000,
    consumedAtMs: null,
    ...more,
  };
}

/** A decision that issues to a user who might log on. */
export function issuing(otp: IssuedOtp): Pick<Decision, 'user' | 'issue'> {
  return { user: { kind: 'issue', userId: otp.userId, threshold: 3 }, issue: otp };
}

export async function issueOtp(
  store: Store,
  installed: Installed,
  more: Partial<IssuedOtp> = {},
): Promise<IssuedOtp> {
  const otp = anOtp(installed, more);
  const { status } = await commitOne(store, issuing(otp));
  if (status !== 'committed') throw new Error(`not issued: ${status}`);
  return otp;
}

export function aGateway(more: Partial<Gateway> = {}): Gateway {
  const id = freshId();
  return {
    id,
    name: `gateway-${id}`,
    channel: 'sms',
    position: 1,
    settings: { kind: 'file', fileName: 'inbox.jsonl' },
    sealedSecret: null,
    isDisabled: false,
    version: 1,
    ...more,
  };
}
