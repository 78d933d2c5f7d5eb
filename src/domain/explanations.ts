import type { RefusalCode } from './outcomes.ts';

/** What an attempt ended as when it was not refused. */
export type SuccessCode =
  | 'accepted'
  | 'signature-accepted'
  | 'signed-in'
  | 'synchronised'
  | 'challenge-issued'
  | 'otp-sent'
  | 'password-changed';

/** For auditors and administrators, who may know what a client is not told. */
export interface Explanation {
  /** One or two sentences about what happened. */
  readonly why: string;
  /** What somebody could do about it. */
  readonly whatHelps: string;
}

const successes: Readonly<Record<SuccessCode, Explanation>> = {
  accepted: {
    why: 'What was shown was right and had not been used: the response of an authenticator or a one-time password that was sent, which is used up now, or a static password.',
    whatHelps: 'Nothing is wrong.',
  },
  'signature-accepted': {
    why: 'The signature fits the data fields and had not been used; it is used up now.',
    whatHelps: 'Nothing is wrong.',
  },
  'signed-in': {
    why: 'The response was right and had not been used; it is used up now, and a session is open.',
    whatHelps: 'Nothing is wrong.',
  },
  synchronised: {
    why: 'The two responses followed each other; where the authenticator stands is known anew.',
    whatHelps: 'Nothing is wrong: the next response will do.',
  },
  'otp-sent': {
    why: 'A one-time password was asked for and sent; it waits to be shown.',
    whatHelps: 'Nothing is wrong: if it does not arrive, look at the gateway that took it.',
  },
  'password-changed': {
    why: 'The old password was right and the new one meets the rules: it is set.',
    whatHelps: 'Nothing is wrong.',
  },
  'challenge-issued': {
    why: 'A challenge was issued and waits for its response.',
    whatHelps: 'Nothing is wrong: answer it before it expires.',
  },
};

/** Total: a new refusal does not compile until somebody has said what it means. */
const refusals: Readonly<Record<RefusalCode, Explanation>> = {
  'component-unknown': {
    why: 'No component of this type covers the address that the call came from, or the one that does asks for an API key and the program has none.',
    whatHelps:
      'See what `tallystick policy explain` says of the type and the address; create such a component, or let it have access by address.',
  },
  'nothing-verifies': {
    why: 'The policy says that this server verifies nothing (localAuthentication none).',
    whatHelps: 'Give the component a policy with localAuthentication authenticator-only.',
  },
  'user-unknown': {
    why: 'There was no user of this name in the domain.',
    whatHelps: 'Create the user, or correct the name or the domain that the program sends.',
  },
  'user-disabled': {
    why: 'The user was disabled, so nothing was compared.',
    whatHelps: 'Enable the user.',
  },
  'user-expired': {
    why: 'The user had expired, so nothing was compared.',
    whatHelps: 'Give the user a later expiry, or none.',
  },
  'user-inactive': {
    why: 'The last success was more days ago than userMaxInactiveDays, so nothing was compared.',
    whatHelps: 'Raise userMaxInactiveDays until the user has logged on, or create the user anew.',
  },
  'user-locked': {
    why: 'The user was locked, so nothing was compared and the response was not used up.',
    whatHelps:
      'Unlock the user. After a lock by wrong responses the policy may let users unlock themselves; each attempt that comes too early then starts the wait anew.',
  },
  'authenticator-none': {
    why: 'The user had no authenticator.',
    whatHelps: 'Assign one.',
  },
  'authenticator-not-assigned': {
    why: 'The request named an authenticator that was not assigned to the user.',
    whatHelps: 'Assign it, or let the program name another serial or none.',
  },
  'authenticator-ambiguous': {
    why: 'The request left open which authenticator it means: a synchronisation concerns one, and an attempt is compared with at most 64 applications.',
    whatHelps: 'Let the program name the serial, or unassign what the user does not use.',
  },
  'authenticator-not-permitted': {
    why: 'None of the applications of the user that the request may mean is permitted to serve.',
    whatHelps:
      'Compare what the user has with the policy (virtualAuthenticators, authenticatorModels, applicationNames, applicationType) and with the application that the request named. What unlocks a device never serves.',
  },
  'authenticator-disabled': {
    why: 'The authenticator was disabled, so nothing was compared.',
    whatHelps: 'Enable it, or assign another.',
  },
  'authenticator-expired': {
    why: 'The authenticator had expired, so nothing was compared.',
    whatHelps: 'Give it a later expiry, or assign another.',
  },
  'application-inactive': {
    why: 'The application had not been used for more days than applicationMaxInactiveDays, so nothing was compared.',
    whatHelps: 'Reset the application, or raise applicationMaxInactiveDays.',
  },
  'application-locked': {
    why: 'The application had as many wrong responses in a row as identificationThreshold allows, so nothing was compared.',
    whatHelps: 'Reset the application once it is clear who tried.',
  },
  'emergency-in-force': {
    why: 'The response was right, but an emergency code stands in for the authenticator, and tokenReturnPolicy does not admit the authenticator meanwhile. The response is used up.',
    whatHelps:
      'If the user has it back, revoke the emergency code (tallystick token emergency revoke). If he has not, somebody else has it, and the PIN.',
  },
  'host-code-none': {
    why: 'The request asked for a host code, and what was shown has none.',
    whatHelps:
      'Ask for it as optional, or use an application whose time step OCRA can express (1 to 59 seconds or minutes, 1 to 48 hours).',
  },
  'challenge-required': {
    why: 'What the user has answers challenges, and the request came without one.',
    whatHelps: 'Ask for a challenge first, or assign an authenticator that needs none.',
  },
  'challenge-not-permitted': {
    why: 'The policy permits no challenge, or no application of the user takes one like this.',
    whatHelps:
      'Set oneStepChallengeResponse, and an oneStepChallengeFormat (hex for keys) and oneStepChallengeLength that the application takes; or send no challenge.',
  },
  'challenge-malformed': {
    why: 'The challenge was too long for the applications of the user, or not in their alphabet.',
    whatHelps: 'Send the challenge exactly as it was shown.',
  },
  'challenge-unknown': {
    why: 'The challenge was never issued to this user by this component, or was answered before.',
    whatHelps: 'Ask for a new challenge, and answer that one.',
  },
  'challenge-expired': {
    why: 'The answer came later than challengeLifetimeSeconds after the challenge.',
    whatHelps: 'Ask for a new challenge. If users need longer, raise challengeLifetimeSeconds.',
  },
  'challenge-superseded': {
    why: 'A newer challenge had been issued by then, and challengeCheckMode wants the newest.',
    whatHelps: 'Answer the newest challenge; challengeCheckMode 0 admits older ones.',
  },
  'response-malformed': {
    why: 'What was sent is nothing that an authenticator shows, so it was compared with nothing.',
    whatHelps: 'Let the program send the response alone, without blanks and passwords around it.',
  },
  'response-incorrect': {
    why: 'Nothing within the windows was like it: it was mistyped, came from another authenticator or for another challenge, or the clock or counter of the authenticator has left the windows.',
    whatHelps:
      'Unlock the user if he is locked by now. Try the next response. If that is refused as well, synchronise with two in a row.',
  },
  'response-replayed': {
    why: 'The response was right once, but it was used, or one that comes after it was.',
    whatHelps:
      'Use the next response that the authenticator shows. If the user sent this one only once, a program sends each twice, or somebody else had it first.',
  },
  'pin-incorrect': {
    why: 'The server PIN was wrong or missing. The response was not used up, whether it was right or not.',
    whatHelps:
      'Let the user try again, PIN first. If the PIN is forgotten, reset it: the user then sets a new one with the next response.',
  },
  'pin-change-required': {
    why: 'PIN and response were right, but a new PIN has to be set and none came with them. The response is used up.',
    whatHelps: 'Send the next response together with a new PIN and its confirmation.',
  },
  'pin-change-not-allowed': {
    why: 'PIN and response were right, but the policy lets users not change their PIN (pinChangeAllowed). The response is used up.',
    whatHelps: 'Set pinChangeAllowed, or force a change of the PIN: that the user may always do.',
  },
  'pin-not-supported': {
    why: 'The response was right and came with a new PIN, but the application has none. The response is used up.',
    whatHelps: 'Enable the PIN of the application, or let the program send the response alone.',
  },
  'pin-confirmation-mismatch': {
    why: 'PIN and response were right, but the new PIN and its confirmation differ. The response is used up.',
    whatHelps: 'Send the next response, and the same new PIN twice.',
  },
  'pin-too-short': {
    why: 'PIN and response were right, but the new PIN is shorter than the application asks for. The response is used up.',
    whatHelps: 'Choose a longer one.',
  },
  'pin-too-long': {
    why: 'PIN and response were right, but the new PIN has more than 8 characters. The response is used up.',
    whatHelps: 'Choose a shorter one.',
  },
  'pin-malformed': {
    why: 'PIN and response were right, but the new PIN has characters that pinCharacters does not name. The response is used up.',
    whatHelps: 'Choose one of digits, or set pinCharacters to alphanumeric.',
  },
  'pin-weak': {
    why: 'PIN and response were right, but the new PIN is easy to guess and weakPins refuses such. The response is used up.',
    whatHelps: 'Choose one that is no run, no repetition and not all the same.',
  },
  'pin-unchanged': {
    why: 'PIN and response were right and the PIN had to be changed, but the new one is the old one. The response is used up.',
    whatHelps: 'Choose another one.',
  },
  'password-incorrect': {
    why: 'The static password, or the request that it was part of, was wrong, and nothing else fitted.',
    whatHelps:
      'Let the user try again; set a new password if he has forgotten it. A back end that should know it must be connected, and backEndAuthentication must be if-needed.',
  },
  'password-none': {
    why: 'The user has no static password, and no back end was asked.',
    whatHelps: 'Set one, or assign an authenticator.',
  },
  'password-not-permitted': {
    why: 'What was sent is no response, and static passwords let the user in no longer or never did: the grace period is over, or localAuthentication is authenticator-only.',
    whatHelps:
      'Let the user send what his authenticator shows. If he has none yet, give the authenticator a later end of its grace period.',
  },
  'password-expired': {
    why: 'The static password was right but is older than passwordMaxAgeDays.',
    whatHelps: 'Let the user change it (updatePassword, or POST /v1/password).',
  },
  'back-end-none': {
    why: 'A password of the back end was to be changed, and none is connected to this server or backEndAuthentication is none.',
    whatHelps: 'Change it where it is kept.',
  },
  'back-end-refused': {
    why: 'The old password was right, but the back end did not take the new one.',
    whatHelps: 'Choose one that meets the rules of the back end.',
  },
  'password-too-young': {
    why: 'The old password was right, but was set less than passwordMinAgeDays ago.',
    whatHelps: 'Wait, or let an administrator set one.',
  },
  'password-confirmation-mismatch': {
    why: 'The old password was right, but the new one and its confirmation differ.',
    whatHelps: 'Send the same new password twice.',
  },
  'password-too-short': {
    why: 'The old password was right, but the new one is shorter than passwordMinLength.',
    whatHelps: 'Choose a longer one.',
  },
  'password-too-long': {
    why: 'The old password was right, but the new one has more than 128 characters.',
    whatHelps: 'Choose a shorter one.',
  },
  'password-malformed': {
    why: 'The old password was right, but the new one has control characters.',
    whatHelps: 'Choose one that can be typed.',
  },
  'password-too-simple': {
    why: 'The old password was right, but the new one has fewer lower-case or upper-case letters, digits or symbols than the policy asks for.',
    whatHelps:
      'Choose one that meets passwordMinLowerCase, passwordMinUpperCase, passwordMinDigits and passwordMinSymbols.',
  },
  'password-user-name-based': {
    why: 'The old password was right, but the new one holds the name of the user, which passwordNotUserNameBased forbids.',
    whatHelps: 'Choose another one.',
  },
  'password-repeated': {
    why: 'The old password was right, but the new one is it, or one of the last passwordHistory ones.',
    whatHelps: 'Choose another one.',
  },
  'virtual-send-limit': {
    why: 'The request was right, but as many messages as may be have been sent in this hour to the user, for programs of this type or by the installation.',
    whatHelps:
      'Wait for the next full hour, or raise virtualSendsPerUserPerHour, virtualSendsPerComponentPerHour or delivery.sendsPerHourMax. If nobody asked so often, somebody else does.',
  },
  'administrator-none': {
    why: 'The user was verified but is no administrator, so no session was opened. The response is used up.',
    whatHelps: 'Give the user an administrator role, if he is meant to be one.',
  },
  'sessions-too-many': {
    why: 'The user was verified but has as many open sessions as may be. The response is used up.',
    whatHelps: 'Let programs log off, or wait until idle sessions end.',
  },
  'sync-nothing': {
    why: 'The application has neither clock nor counter.',
    whatHelps: 'There is nothing to synchronise: answer a challenge.',
  },
  'sync-kind-unsupported': {
    why: 'The applications only sign data fields or unlock the device, or need a PIN or session data, which no synchronisation carries.',
    whatHelps:
      'Use another authenticator. Of one that signs, reset the application or correct its drift.',
  },
  'sync-frozen': {
    why: 'The drift is frozen, and a synchronisation would have moved it.',
    whatHelps: 'Thaw the drift, then synchronise again.',
  },
  'sync-incorrect': {
    why: 'The two responses follow each other nowhere within reach.',
    whatHelps:
      'Take two directly after each other, in their order. If they are, raise syncTimeWindowSeconds or syncEventWindowSteps.',
  },
  'sync-replayed': {
    why: 'The two responses follow each other, but one of them was used before.',
    whatHelps: 'Take two new ones.',
  },
  'sync-ambiguous': {
    why: 'The two responses follow each other at more than one place, and nobody can tell which.',
    whatHelps: 'Try again with the next two.',
  },
  'sync-backwards': {
    why: 'They would set the clock back by more than idle days and syncBackwardMarginSeconds explain.',
    whatHelps: 'If the device was really set back, reset the application and synchronise again.',
  },
};

const technical: Explanation = {
  why: 'A technical fault ended the attempt, and nobody knows whether the response was right. It counted only if something had been compared before.',
  whatHelps:
    'Mend what the outcome names: the log has the cause under the request id. Then repeat.',
};

/** Faults of which more is known. */
const technicals: ReadonlyMap<string, Explanation> = new Map([
  [
    'delivery-failed',
    {
      why: 'The request was right, but no gateway took the message: nothing was sent, nothing is used up, and nothing counts.',
      whatHelps:
        'See under delivery what each gateway said. `tallystick gateway test` sends a test message; a user needs the address or number that his delivery method asks for.',
    },
  ],
  [
    'back-end-unavailable',
    {
      why: 'The back end that knows passwords did not answer. It counted only if a password that is kept here was compared before and was another.',
      whatHelps: 'Mend the connection to the back end: the log has the cause under the request id.',
    },
  ],
]);

/** How an attempt ended, with what to say about it. */
export type Explained = Explanation & { readonly ending: 'success' | 'refused' | 'technical' };

const byOutcome: ReadonlyMap<string, Explained> = new Map([
  ...explainedAs('success', successes),
  ...explainedAs('refused', refusals),
]);

/** Of a wrong response that `secondOtpSync` remembered. */
const remembered: Explanation = {
  why: 'The response was out of every window but within reach of a synchronisation: it was refused and counted, and remembered.',
  whatHelps:
    'Send the very next response, as the next attempt and within secondOtpSyncLifetimeSeconds: the two synchronise, and it is accepted.',
};

/**
 * @param outcome as the audit has it: a success, a refusal, or the code of a technical fault
 * @param isRemembered what the audit says of a wrong response
 */
export function explain(outcome: string, isRemembered: boolean = false): Explained {
  const known = byOutcome.get(outcome);
  if (known === undefined) {
    return { ending: 'technical', ...(technicals.get(outcome) ?? technical) };
  }
  return isRemembered && known.ending === 'refused' ? { ...known, ...remembered } : known;
}

function explainedAs(
  ending: Explained['ending'],
  explanations: Readonly<Record<string, Explanation>>,
): [string, Explained][] {
  return Object.entries(explanations).map(([code, explanation]) => [
    code,
    { ending, ...explanation },
  ]);
}
