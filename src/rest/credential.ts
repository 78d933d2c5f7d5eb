import { z } from 'zod';
import { TallystickError } from '../errors.ts';
import type { AuthenticateRequest } from '../service/api.ts';

type PresentedCredential = AuthenticateRequest['credential'];

type OptionalText = z.ZodOptional<z.ZodString>;
type Member = 'password' | 'staticPassword' | 'response' | 'pin' | 'newPin' | 'newPinConfirmation';

const optionalText: OptionalText = z.string().optional();

/** The members of a body that are a credential: `password` alone, or the others. */
export const credentialMembers: Readonly<Record<Member, OptionalText>> = {
  password: optionalText,
  staticPassword: optionalText,
  response: optionalText,
  pin: optionalText,
  newPin: optionalText,
  newPinConfirmation: optionalText,
};

export type CredentialBody = Readonly<Partial<Record<Member, string | undefined>>>;

/**
 * The credential in a body.
 *
 * @throws TallystickError `request-invalid` for neither form, a mixture, or half a new PIN
 */
export function credentialOf(body: CredentialBody): PresentedCredential {
  const { password, staticPassword, response, pin, newPin, newPinConfirmation } = body;
  const parts = { staticPassword, response, pin, newPin, newPinConfirmation };
  if (password !== undefined) {
    const [beside] = Object.entries(parts).find(([, value]) => value !== undefined) ?? [];
    if (beside !== undefined) throw wrong(beside, 'must be left out beside a password');
    return { format: 'combined', text: password };
  }
  if (response === undefined && staticPassword === undefined) {
    throw wrong(
      'response',
      'is needed, or a staticPassword; or a password, with everything behind one another',
    );
  }
  return {
    format: 'separate',
    staticPassword: staticPassword ?? null,
    // An empty one is none, as in a form that was left blank.
    pin: pin === undefined || pin === '' ? null : pin,
    response: response ?? null,
    newPin: newPinOf(newPin, newPinConfirmation),
  };
}

function newPinOf(
  pin: string | undefined,
  confirmation: string | undefined,
): { readonly pin: string; readonly confirmation: string } | null {
  if ((pin === undefined) !== (confirmation === undefined)) {
    const missing = pin === undefined ? 'newPin' : 'newPinConfirmation';
    throw wrong(missing, 'is needed: a new PIN comes twice');
  }
  return pin === undefined || confirmation === undefined ? null : { pin, confirmation };
}

function wrong(member: string, message: string): TallystickError {
  return new TallystickError('request-invalid', `The request is invalid: ${member}.`, {
    fields: { [member]: [message] },
  });
}
