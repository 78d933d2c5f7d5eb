import { timingSafeEqual } from 'node:crypto';
import { framed } from '../offline/bytes.ts';
import type { EmergencyTerms } from '../offline/header.ts';
import type { AgentEnv } from './env.ts';
import type { EmergencyState } from './state.ts';
import { stretched } from './stretch.ts';

/** What a code costs to try: the most that a workstation can be asked for (256 MiB, a second). */
const cost = { n: 2 ** 18, r: 8, p: 1 } as const;
const saltBytes = 16;

/**
 * What is kept of a code: enough to know it again, with the PIN that belongs to it.
 *
 * @param front what stands in front of it: the PIN, behind the static password where the package asks for that
 */
export async function keepCode(
  env: AgentEnv,
  terms: EmergencyTerms,
  code: string,
  front: string,
): Promise<EmergencyState> {
  const normal = normalised(code);
  const salt = env.randomBytes(saltBytes);
  const verifier = await stretched(secretOf(terms, front, normal), salt, cost);
  return {
    codeId: terms.codeId,
    isPinRequired: terms.isPinRequired,
    notAfterMs: terms.notAfterMs,
    usesMax: terms.usesMax,
    uses: 0,
    characters: normal.length,
    isDigits: /^\d+$/.test(normal),
    salt: salt.toString('base64'),
    verifier: verifier.toString('base64'),
  };
}

/** The codes that may still be used. */
export function usableCodes(
  emergency: readonly EmergencyState[],
  nowMs: number,
): readonly EmergencyState[] {
  return emergency.filter(({ notAfterMs, uses, usesMax }) => nowMs < notAfterMs && uses < usesMax);
}

/** What stands in front (PIN, or password and PIN) and code in what was typed, or null when it cannot be this code. */
export function splitCode(
  kept: EmergencyState,
  typed: string,
): { readonly front: string; readonly code: string } | null {
  let at = typed.length;
  for (let wanted = kept.characters; wanted > 0; at -= 1) {
    const character = typed[at - 1];
    if (character === undefined) return null;
    if (!/[-\s]/.test(character)) wanted -= 1;
  }
  const code = normalised(typed.slice(at));
  const front = typed.slice(0, at);
  if (kept.isPinRequired === (front.trim() === '')) return null;
  return (kept.isDigits ? /^\d+$/ : /^[0-9A-HJKMNP-TV-Z]+$/).test(code) ? { front, code } : null;
}

/** Compared in constant time, after as much work whatever was typed. */
export async function isCode(
  kept: EmergencyState,
  { front, code }: { readonly front: string; readonly code: string },
): Promise<boolean> {
  const salt = Buffer.from(kept.salt, 'base64');
  const tried = await stretched(secretOf(kept, front, code), salt, cost);
  return timingSafeEqual(tried, Buffer.from(kept.verifier, 'base64'));
}

function secretOf(
  { isPinRequired }: { isPinRequired: boolean },
  front: string,
  code: string,
): Buffer {
  // Composed, as the server hashes passwords; blanks before the code are the code's, as those within.
  const shown = front.normalize('NFC').replace(/[-\s]+$/, '');
  return framed(isPinRequired ? shown : '', code);
}

/** Crockford's base 32 as it is heard on the telephone: groups, and letters that look like digits. */
function normalised(code: string): string {
  return code.replaceAll(/[-\s]/g, '').toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1');
}
