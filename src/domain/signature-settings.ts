import { type PolicySetting, whole } from './policy-setting.ts';

/** How signatures over data fields are examined. */
export interface SignatureSettings {
  readonly signatureTimeWindowSteps: number;
  readonly signatureThreshold: number;
  readonly onlineSignatureLevel: 0 | 1 | 2;
}

export const signatureSettings: {
  readonly [Name in keyof SignatureSettings]: PolicySetting<SignatureSettings[Name]>;
} = {
  signatureTimeWindowSteps: {
    unit: 'steps',
    default: 20,
    range: whole(2, 500),
    oasField: 'POLICYFLD_STIMEWINDOW',
    description:
      'Time steps around the expected one in which a signature is accepted: half on each side, inclusive.',
  },
  signatureThreshold: {
    unit: 'attempts',
    default: 0,
    range: whole(0, 1000),
    oasField: 'POLICYFLD_STHRESHOLD',
    description:
      'Wrong signatures in a row, with the responses that identificationThreshold counts, from which an application accepts no signature until it is reset; 0 is never, and counts none.',
  },
  onlineSignatureLevel: {
    unit: '',
    default: 0,
    range: whole(0, 2),
    oasField: 'POLICYFLD_ONLINESG',
    description:
      'Signatures of one time step: 0 and 1 one for each set of data fields, 2 one in all. None of an earlier step than the last is accepted.',
  },
};
