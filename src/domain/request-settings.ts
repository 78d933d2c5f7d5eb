import { choice, type PolicySetting } from './policy-setting.ts';

/**
 * What a person sends in place of a response to have a challenge issued or a one-time password sent.
 * OAS: Request Method and Request Keyword.
 */
export type RequestMethod =
  | 'none'
  | 'keyword'
  | 'keyword-only'
  | 'password'
  | 'keyword-password'
  | 'password-keyword'
  | 'keyword-pin';

/** How each of the three logon processes of two steps is asked for. */
export interface RequestSettings {
  readonly twoStepRequestMethod: RequestMethod;
  readonly twoStepRequestKeyword: string;
  readonly twoStepChallengeText: string;
  readonly primaryVirtualRequestMethod: RequestMethod;
  readonly primaryVirtualRequestKeyword: string;
  readonly backupVirtualRequestMethod: RequestMethod;
  readonly backupVirtualRequestKeyword: string;
}

/** What a request may be recognised by. */
export const requestMethods: readonly Exclude<RequestMethod, 'none'>[] = [
  'keyword',
  'keyword-only',
  'password',
  'keyword-password',
  'password-keyword',
  'keyword-pin',
];

/** What a keyword may be at most, in UTF-16 code units. */
export const keywordCharactersMax: number = 16;

const method = (
  byDefault: RequestMethod,
  oasField: string,
  what: string,
): PolicySetting<RequestMethod> => ({
  unit: '',
  default: byDefault,
  range: choice('none', ...requestMethods),
  oasField,
  description: `What asks for ${what}: nothing; the keyword, with or without the static password beside it; exactly the keyword; the static password; keyword and password or password and keyword, with nothing between; keyword and server PIN.`,
});

const keyword = (byDefault: string, oasField: string, what: string): PolicySetting<string> => ({
  unit: '',
  default: byDefault,
  range: { type: 'text', charactersMax: keywordCharactersMax },
  oasField,
  description: `The keyword that asks for ${what}; a blank one, by itself, is an empty password.`,
});

export const requestSettings: {
  readonly [Name in keyof RequestSettings]: PolicySetting<RequestSettings[Name]>;
} = {
  twoStepRequestMethod: method(
    'keyword',
    'POLICYFLD_CHALLENGE_REQUEST_METHOD',
    'a challenge (2-step challenge/response)',
  ),
  twoStepRequestKeyword: keyword(
    '',
    'POLICYFLD_CHALLENGE_REQUEST_KEYWORD',
    'a challenge (2-step challenge/response)',
  ),
  twoStepChallengeText: {
    unit: '',
    default: 'Enter Response',
    range: { type: 'text', charactersMax: 255 },
    oasField: null,
    description: 'What the user is asked for when a challenge was issued.',
  },
  primaryVirtualRequestMethod: method(
    'password',
    'POLICYFLD_PRIMARY_VDP_REQUEST_METHOD',
    'the one-time password of a virtual mobile authenticator',
  ),
  primaryVirtualRequestKeyword: keyword(
    '',
    'POLICYFLD_PRIMARY_VDP_REQUEST_KEYWORD',
    'the one-time password of a virtual mobile authenticator',
  ),
  backupVirtualRequestMethod: method(
    'keyword-password',
    'POLICYFLD_BACKUP_VDP_REQUEST_METHOD',
    'a one-time password in place of one that a device shows (backup virtual mobile authenticator)',
  ),
  backupVirtualRequestKeyword: keyword(
    'otp',
    'POLICYFLD_BACKUP_VDP_REQUEST_KEYWORD',
    'a one-time password in place of one that a device shows (backup virtual mobile authenticator)',
  ),
};
