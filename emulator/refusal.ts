/** Why a device shows no response. A real one beeps; this one says why. */
export type Refusal =
  | { readonly code: keyof typeof plainTexts }
  | { readonly code: 'challenge-character'; readonly allowed: string }
  | { readonly code: 'challenge-length'; readonly charactersMax: number }
  | { readonly code: 'pin-length'; readonly bytesMax: number }
  | { readonly code: 'session-length'; readonly bytesMax: number }
  | { readonly code: 'key-without-function'; readonly screen: string }
  | { readonly code: 'application-unknown'; readonly names: readonly string[] }
  | { readonly code: 'application-ambiguous'; readonly names: readonly string[] }
  | { readonly code: 'challenge-needed'; readonly applicationName: string }
  | { readonly code: 'challenge-superfluous'; readonly applicationName: string };

const plainTexts = {
  'not-paired': 'this token has no seed yet: finish the pairing first',
  'clock-before-origin': "the token's clock stands before the time origin of its algorithm",
  'event-counter-exhausted':
    'the event counter has reached 2^64: this application makes no more responses',
  'pin-missing': 'this algorithm needs the device PIN',
  'pin-superfluous': 'this algorithm takes no device PIN',
  'session-missing': 'this algorithm needs session data',
  'session-superfluous': 'this algorithm takes no session data',
} as const;

/** The sentence for people: what was wrong and what is allowed. Never quotes what was typed. */
export function refusalText(refusal: Refusal): string {
  if (isPlain(refusal)) return plainTexts[refusal.code];
  switch (refusal.code) {
    case 'challenge-character':
      return `the challenge may hold ${refusal.allowed} only`;
    case 'challenge-length':
      return `the challenge must be 1 to ${refusal.charactersMax} characters long`;
    case 'pin-length':
      return `the device PIN must be 1 to ${refusal.bytesMax} bytes long`;
    case 'session-length':
      return `the session data must be at most ${refusal.bytesMax} bytes long`;
    case 'key-without-function':
      return `this key does nothing while the display shows: ${refusal.screen}`;
    case 'application-unknown':
      return `no such application on this token; it has ${refusal.names.join(', ')}`;
    case 'application-ambiguous':
      return `name the application: ${refusal.names.join(', ')}`;
    case 'challenge-needed':
      return `application ${refusal.applicationName} answers a challenge, not a press`;
    case 'challenge-superfluous':
      return `application ${refusal.applicationName} takes no challenge`;
  }
}

type Plain = Extract<Refusal, { readonly code: keyof typeof plainTexts }>;

function isPlain(refusal: Refusal): refusal is Plain {
  return Object.hasOwn(plainTexts, refusal.code);
}
