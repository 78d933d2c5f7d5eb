import { expect, it } from 'vitest';
import type { EmergencyCode } from '../../src/domain/emergency.ts';
import { emergencyReport, usedCodeIds } from '../../src/domain/emergency-reports.ts';
import type { ReportedLine } from '../../src/domain/offline-chain.ts';
import { lineWith, packageWith } from './offline.ts';
import { noonMs } from './support.ts';

const held = packageWith({ emergencyCodeIds: ['code-1'] });
const packages = new Map([[held.id, held]]);

function codeWith(set: Partial<EmergencyCode> = {}): EmergencyCode {
  const { userId, authenticatorId, assignmentVersion } = held;
  return {
    id: 'code-1',
    userId,
    authenticatorId,
    assignmentVersion,
    kind: 'tokencode',
    macs: ['aa'],
    sealed: null,
    isRevealable: true,
    isPinRequired: true,
    isOnlineAllowed: false,
    notAfterMs: noonMs,
    usesMax: 10,
    useCount: 0,
    missCount: 0,
    state: 'live',
    createdBy: 'server',
    createdAtMs: noonMs,
    reveal: null,
    revealedAtMs: null,
    version: 1,
    ...set,
  };
}

const use = (
  n: number,
  codeId: string | null = 'code-1',
  packageId: string | null = 'package-1',
): ReportedLine => lineWith(n, { kind: 'emergency-accepted', index: null, codeId, packageId });

it('counts uses of what the package held, and wrong tries', () => {
  const code = codeWith();
  const lines = [use(1), lineWith(2), lineWith(3, { kind: 'emergency-refused' }), use(4)];
  expect(emergencyReport(lines, packages, new Map([[code.id, code]]))).toEqual({
    uses: [
      { line: lines[0], code },
      { line: lines[3], code },
    ],
    raises: [{ codeId: 'code-1', uses: 2 }],
    refused: 1,
    ignored: 0,
  });
});

it.each([
  ['a package that it was not given', use(1, 'code-1', 'package-2'), codeWith()],
  ['no package', use(1, 'code-1', null), codeWith()],
  ['a code that nobody knows', use(1, 'code-2'), codeWith()],
  ['no code', use(1, null), codeWith()],
  ['a code of another package', use(1, 'code-3'), codeWith({ id: 'code-3' })],
  ['a code of another user', use(1), codeWith({ userId: 'user-2' })],
  ['a code of an earlier assignment', use(1), codeWith({ assignmentVersion: 0 })],
])('raises nothing for %s', (_, line, code) => {
  const report = emergencyReport([line], packages, new Map([[code.id, code]]));
  expect(report).toEqual({ uses: [], raises: [], refused: 0, ignored: 1 });
});

it('names each code once', () => {
  expect(usedCodeIds([use(1), lineWith(2), use(3), use(4, 'code-2'), use(5, null)])).toEqual([
    'code-1',
    'code-2',
  ]);
});
