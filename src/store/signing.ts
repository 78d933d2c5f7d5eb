import type { ApplicationMode } from '../domain/model.ts';

/** The modes there were before applications signed. */
export const storedModes = ['response-only', 'challenge-response', 'unlock'] as const;
/** Whether an application verifies data fields. */
export const signingWords = ['no', 'only', 'also'] as const;

type StoredMode = (typeof storedModes)[number];
type Signing = (typeof signingWords)[number];

/** What signs is `challenge-response` among the first modes, and told by a column of its own. */
export function modeColumns(mode: ApplicationMode): { mode: StoredMode; signing: Signing } {
  if (mode === 'signature') return { mode: 'challenge-response', signing: 'only' };
  if (mode === 'multi-mode') return { mode: 'challenge-response', signing: 'also' };
  return { mode, signing: 'no' };
}

/** The mode that `modeColumns` wrote. */
export function modeOf(mode: StoredMode, signing: Signing): ApplicationMode {
  switch (signing) {
    case 'no':
      return mode;
    case 'only':
      return 'signature';
    case 'also':
      return 'multi-mode';
  }
}
