/** PINs that a device refuses as a new one: `initial` is the one it came with. */
export const pinWeakRules = [
  'all-equal',
  'ascending',
  'descending',
  'odd-even-run',
  'initial',
] as const;

export type PinWeakRule = (typeof pinWeakRules)[number];

const ruleOfStep: ReadonlyMap<number, PinWeakRule> = new Map([
  [0, 'all-equal'],
  [1, 'ascending'],
  [-1, 'descending'],
  [2, 'odd-even-run'],
  [-2, 'odd-even-run'],
]);

/**
 * The rule against digits that all differ from the one before by the same step: 1111, 1234, 9876,
 * 2468, 7531. Null for other digits.
 */
export function runRuleOf(digits: Uint8Array): PinWeakRule | null {
  const step = (digits[1] ?? 0) - (digits[0] ?? 0);
  const isRun = digits.every(
    (digit, index) => index === 0 || digit - (digits[index - 1] ?? 0) === step,
  );
  return isRun ? (ruleOfStep.get(step) ?? null) : null;
}
