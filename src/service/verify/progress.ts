import type { IssuedOtp } from '../../domain/model.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import type { VerificationPlan } from '../../domain/verification.ts';
import type { Finish } from '../accept.ts';
import type { AnswerCodec } from '../answers.ts';
import type { AuthenticateRequest, Caller, IssuedAnswer, RefusedAnswer } from '../api.ts';
import type { Facts } from '../attempt.ts';
import type { Context } from '../deps.ts';
import type { MacTape } from '../mac-tape.ts';
import type { PasswordTape } from '../passwords/tape.ts';
import type { PinTape } from '../pins.ts';
import type { SecondLook } from '../second-look.ts';

/** What a person is verified for, and what comes of it when he is. */
export interface Purpose<Success extends { readonly outcome: string }> {
  readonly action: 'authenticate' | 'logon';
  readonly codec: AnswerCodec<Success | RefusedAnswer>;
  readonly finish: Finish<Success>;
  /** How something that was issued is answered; null where nothing may be asked for. */
  readonly issued: ((answer: IssuedAnswer) => Success) | null;
  /** Whether the static password has to stand in front of PIN and response, of whoever has one here. */
  readonly demandsPassword: (policy: EffectivePolicy) => boolean;
}

/** A one-time password that is on its way: a conflict afterwards must not send another. */
export interface Delivered {
  readonly issued: IssuedOtp;
  readonly facts: Facts;
}

/** What outlives a round: plan, MACs, PINs, passwords and what was sent, so that nothing is done twice. */
export interface Progress<Success extends { readonly outcome: string }> {
  readonly context: Context;
  readonly caller: Caller;
  readonly request: AuthenticateRequest;
  readonly purpose: Purpose<Success>;
  readonly nowMs: number;
  planned: {
    readonly plan: VerificationPlan;
    readonly tape: MacTape;
    readonly pins: PinTape;
    readonly key: string;
  } | null;
  decoy: MacTape | null;
  readonly decoyPins: PinTape;
  readonly second: SecondLook;
  passwords: { readonly tape: PasswordTape; readonly key: string } | null;
  delivered: Delivered | null;
  /** How often something was compared with a one-time password that was sent, or as if. */
  comparedOtps: number;
  /** How often something was compared with emergency codes, or as if. */
  comparedEmergency: number;
}
