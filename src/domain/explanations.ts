import type { RefusalCode } from './outcomes.ts';

/** What an attempt ended as when it was not refused. */
export type SuccessCode = 'accepted' | 'signed-in' | 'synchronised' | 'challenge-issued';

/** For auditors and administrators, who may know what a client is not told. */
export interface Explanation {
  /** One or two sentences about what happened. */
  readonly why: string;
  /** What somebody could do about it. */
  readonly whatHelps: string;
}

const successes: Readonly<Record<SuccessCode, Explanation>> = {
  accepted: {
    why: 'The response was right and had not been used; it is used up now.',
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
  'challenge-required': {
    why: 'What the user has answers challenges, and the request came without one.',
    whatHelps: 'Ask for a challenge first, or assign an authenticator that needs none.',
  },
  'challenge-not-permitted': {
    why: 'The policy permits no challenge, or no application of the user takes one like this.',
    whatHelps:
      'Set oneStepChallengeResponse, and an oneStepChallengeLength that the suite takes; or send no challenge.',
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
    why: 'The applications need a PIN or session data, which no synchronisation carries.',
    whatHelps: 'Use another authenticator.',
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
  if (known === undefined) return { ending: 'technical', ...technical };
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
