import { z } from 'zod';
import { TallystickError } from '../errors.ts';
import type { AuthenticateRequest } from '../service/api.ts';

type PresentedCredential = AuthenticateRequest['credential'];

type OptionalText = z.ZodOptional<z.ZodString>;
type Member = 'password' | 'response' | 'pin' | 'newPin' | 'newPinConfirmation';

const optionalText: OptionalText = z.string().optional();

/** The members of a body that are a credential: `password` alone, or the others. */
export const credentialMembers: Readonly<Record<Member, OptionalText>> = {
  password: optionalText,
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
  const { password, response, pin, newPin, newPinConfirmation } = body;
  const parts = { response, pin, newPin, newPinConfirmation };
  if (password !== undefined) {
    const [beside] = Object.entries(parts).find(([, value]) => value !== undefined) ?? [];
    if (beside !== undefined) throw wrong(beside, 'must be left out beside a password');
    return { format: 'combined', text: password };
  }
  if (response === undefined) {
    throw wrong('response', 'is needed; or a password, with everything behind one another');
  }
  if ((newPin === undefined) !== (newPinConfirmation === undefined)) {
    const missing = newPin === undefined ? 'newPin' : 'newPinConfirmation';
    throw wrong(missing, 'is needed: a new PIN comes twice');
  }
  return {
    format: 'separate',
    // An empty one is none, as in a form that was left blank.
    pin: pin === undefined || pin === '' ? null : pin,
    response,
    newPin:
      newPin === undefined || newPinConfirmation === undefined
        ? null
        : { pin: newPin, confirmation: newPinConfirmation },
  };
}

function wrong(member: string, message: string): TallystickError {
  return new TallystickError('request-invalid', `The request is invalid: ${member}.`, {
    fields: { [member]: [message] },
  });
}
