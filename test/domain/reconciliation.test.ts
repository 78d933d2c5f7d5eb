import { describe, expect, it } from 'vitest';
import type { Application } from '../../src/domain/model.ts';
import type { OfflinePackage, PackageState } from '../../src/domain/offline.ts';
import {
  emptyHead,
  judgeChain,
  type ReportedLine,
  type ReportFacts,
} from '../../src/domain/offline-chain.ts';
import {
  type Known,
  reconcile,
  type Reconciliation,
  usedKey,
} from '../../src/domain/reconciliation.ts';
import type { ResponseAlgorithm } from '../../src/oath/index.ts';
import { lineWith as line, packageWith } from './offline.ts';
import { applicationWith, hotp, noonMs, ocra, totp } from './support.ts';

const noonStep = BigInt(noonMs / 30_000);

describe('a chain', () => {
  const agent = { acknowledgedThrough: 3, head: 'head-3', isGapAccepted: false };
  const stored = new Map([1, 2, 3].map((n) => [n, `head-${n}`]));
  const judge = (
    from: number,
    headBefore: string,
    lines: readonly ReportedLine[],
  ): ReturnType<typeof judgeChain> => judgeChain(agent, { from, headBefore }, lines, stored);

  it('goes on where it stood', () => {
    const lines = [line(4), line(5)];
    expect(judge(4, 'head-3', lines)).toEqual({ kind: 'continues', fresh: lines, lost: 0 });
    expect(judge(4, 'head-3', [])).toEqual({ kind: 'continues', fresh: [], lost: 0 });
  });

  it('may repeat what is known, from wherever', () => {
    const lines = [line(2), line(3), line(4)];
    expect(judge(2, 'head-1', lines)).toEqual({ kind: 'continues', fresh: [lines[2]], lost: 0 });
    expect(judge(1, emptyHead, [line(1), ...lines])).toEqual({
      kind: 'continues',
      fresh: [lines[2]],
      lost: 0,
    });
    expect(judge(2, 'head-1', lines.slice(0, 2))).toEqual({
      kind: 'continues',
      fresh: [],
      lost: 0,
    });
  });

  it.each<[string, number, string, readonly ReportedLine[], object]>([
    ['behind another head', 4, 'other', [line(4)], { kind: 'fork', n: 3 }],
    ['of nothing, with a head', 1, 'head-1', [line(1)], { kind: 'fork', n: 0 }],
    ['of a line that is another', 2, 'head-1', [line(2, { head: 'x' })], { kind: 'fork', n: 2 }],
    ['of the last line, another', 3, 'head-2', [line(3, { head: 'x' })], { kind: 'fork', n: 3 }],
    ['that ends too early', 2, 'head-1', [line(2)], { kind: 'roll-back' }],
    ['that has nothing', 1, emptyHead, [], { kind: 'roll-back' }],
    ['that begins too late', 5, 'head-4', [line(5)], { kind: 'gap' }],
  ])('%s', (_name, from, head, lines, verdict) => {
    expect(judge(from, head, lines)).toEqual(verdict);
  });
});

interface Case {
  readonly algorithm?: ResponseAlgorithm;
  /** Null: the device is another's, or gone. */
  readonly application?: Partial<Application> | null;
  readonly package?: Partial<OfflinePackage>;
  readonly report?: Partial<ReportFacts>;
  readonly known?: Partial<Known>;
}

function outcomeOf(lines: readonly ReportedLine[], given: Case = {}): Reconciliation {
  const held = packageWith(given.package);
  const application =
    given.application === null
      ? null
      : applicationWith(given.algorithm ?? totp(), given.application);
  const report: ReportFacts = {
    from: 1,
    headBefore: emptyHead,
    clockMs: noonMs,
    bootMs: 1_000_000,
    bootId: 'boot-1',
    packages: [{ packageId: held.id, state: 'installed', eventsUsed: 0 }],
    ...given.report,
  };
  const known: Known = {
    packages: new Map([[held.id, held]]),
    applications: new Map(application === null ? [] : [[application.id, application]]),
    used: new Set(),
    usedThrough: new Map(),
    stands: new Set([held.id]),
    windowForwardSteps: 1,
    userLockThreshold: 3,
    ...given.known,
  };
  return reconcile(report, lines, known, noonMs);
}

const event = { kind: 'event', eventMode: 'shared', first: 5n, count: 20 } as const;
const reserved = { ...event, eventMode: 'reserved' } as const;

describe('what was used', () => {
  it('raises the step and closes it', () => {
    const { applications, events } = outcomeOf([line(1), line(2, { index: noonStep + 1n })]);
    expect(applications).toEqual([
      {
        applicationId: 'application-1',
        epoch: 1,
        nextEventCounter: 0n,
        lastStep: noonStep + 1n,
        floorMs: noonMs + 60_000,
        drift: null,
      },
    ]);
    expect(events.map(({ n, index, isDuplicate }) => [n, index, isDuplicate])).toEqual([
      [1, noonStep, false],
      [2, noonStep + 1n, false],
    ]);
  });

  it('lowers nothing', () => {
    const later = { lastStep: noonStep + 9n, floorMs: noonMs + 900_000 };
    expect(outcomeOf([line(1)], { application: later }).applications).toMatchObject([later]);
    const counted = outcomeOf([line(1, { index: 6n })], {
      algorithm: hotp,
      package: event,
      application: { nextEventCounter: 30n },
    });
    expect(counted.applications).toMatchObject([{ nextEventCounter: 30n }]);
  });

  it('raises the counter behind it, also of a device that is another’s meanwhile', () => {
    const used = [line(1, { index: 8n }), line(2, { index: 6n })];
    const given = { algorithm: hotp, package: event };
    expect(outcomeOf(used, given).applications).toMatchObject([
      { nextEventCounter: 9n, lastStep: -1n, floorMs: 0, drift: null },
    ]);
    expect(outcomeOf(used, { ...given, application: null }).applications).toMatchObject([
      { nextEventCounter: 9n },
    ]);
  });

  it('raises nothing of challenges that are used once anyway', () => {
    const given = { algorithm: ocra('QN08'), package: { kind: 'challenge', first: 0n } } as const;
    const { applications, accepted, ignored } = outcomeOf([line(1, { index: 4n })], given);
    expect([applications, accepted, ignored]).toEqual([[], 1, 0]);
  });

  it.each<[string, Partial<ReportedLine>, Case]>([
    ['before the package', { index: noonStep - 1n }, {}],
    ['behind the package', { index: noonStep + 1000n }, {}],
    ['in the future', { index: noonStep + 3n }, {}],
    ['without saying what', { index: null }, {}],
    ['of nobody’s package', { packageId: null }, {}],
    ['of a clock that nobody knows', {}, { application: null }],
    ['of a device that has lost its clock', {}, { algorithm: hotp }],
  ])('is ignored %s', (_name, set, given) => {
    const { applications, ignored, events } = outcomeOf([line(1, set)], given);
    expect([applications, ignored]).toEqual([[], 1]);
    expect(events[0]?.index).toBeNull();
  });

  it.each<[boolean, string, Partial<ReportedLine>, Case]>([
    [true, 'another line', {}, { known: { used: new Set([usedKey('application-1', noonStep)]) } }],
    [true, 'the last step online', {}, { application: { lastStep: noonStep } }],
    [false, 'an earlier step', {}, { application: { lastStep: noonStep - 1n } }],
    [
      false,
      'the same step of another epoch',
      {},
      { application: { lastStep: noonStep, epoch: 2 } },
    ],
    [
      false,
      'another challenge of the step',
      {},
      { algorithm: ocra('QN08-T30S'), application: { lastStep: noonStep } },
    ],
    [
      true,
      'the last counter online',
      { index: 7n },
      { algorithm: hotp, package: event, application: { nextEventCounter: 8n } },
    ],
    [
      false,
      'a later counter',
      { index: 6n },
      { algorithm: hotp, package: event, application: { nextEventCounter: 8n } },
    ],
    [
      false,
      'a reservation',
      { index: 24n },
      { algorithm: hotp, package: reserved, application: { nextEventCounter: 25n } },
    ],
    [
      true,
      'a counter of a device that is gone',
      { index: 7n },
      {
        package: event,
        application: null,
        known: { used: new Set([usedKey('application-1', 7n)]) },
      },
    ],
    [
      false,
      'nothing of a device that is gone',
      { index: 7n },
      { package: event, application: null },
    ],
  ])('is a duplicate (%s) of %s', (expected, _name, set, given) => {
    const { duplicates, events } = outcomeOf([line(1, set)], given);
    expect(duplicates).toBe(expected ? 1 : 0);
    expect(events[0]?.isDuplicate).toBe(expected);
  });
});

describe('the clock', () => {
  /** Lines that many steps ahead of true time, a minute ago each. */
  const ahead = (...steps: number[]): ReportedLine[] =>
    steps.map((each, at) =>
      line(at + 1, { index: noonStep - 2n + BigInt(each), bootMs: 940_000, atMs: noonMs - 60_000 }),
    );
  const early = { first: noonStep - 100n };
  const drift = (lines: readonly ReportedLine[], given: Case = {}): unknown =>
    outcomeOf(lines, { package: early, ...given }).applications[0]?.drift;

  it.each<[string, number[], number | null]>([
    ['moves by a step at the most', [3, 3, 3], 30],
    ['back as well', [-3, -3, -3], -30],
    ['by the median', [0, 0, 3], null],
    ['by the lesser of two', [0, 1], null],
    ['by the lesser of two back', [-1, 0], null],
  ])('%s', (_name, steps, seconds) => {
    const learned = seconds === null ? null : { driftSeconds: seconds, driftAtMs: noonMs - 60_000 };
    expect(drift(ahead(...steps))).toEqual(learned);
  });

  it('is not that of the computer', () => {
    const slow = ahead(1).map((each) => ({ ...each, atMs: noonMs - 600_000 }));
    expect(drift(slow, { report: { clockMs: noonMs - 540_000 } })).toMatchObject({
      driftSeconds: 30,
    });
  });

  it('counts what was before the last start only if the computer is right now', () => {
    const before = ahead(1).map((each) => ({ ...each, bootId: 'boot-0', bootMs: 5 }));
    expect(drift(before)).toMatchObject({ driftSeconds: 30 });
    expect(drift(before, { report: { clockMs: noonMs - 31_000 } })).toBeNull();
    const future = before.map((each) => ({ ...each, atMs: noonMs + 1 }));
    expect(drift(future)).toBeNull();
  });

  it.each<[string, ReportedLine[], Case]>([
    ['frozen', ahead(1), { application: { isDriftFrozen: true } }],
    ['seen later', ahead(1), { application: { driftAtMs: noonMs } }],
    // A report every second would lead the clock away, and a response overheard long ago back into the window.
    ['seen not long ago', ahead(1), { application: { driftAtMs: noonMs - 43_200_000 } }],
    ['of another epoch', ahead(1), { application: { epoch: 2 } }],
    ['of lines after the report', ahead(1).map((each) => ({ ...each, bootMs: 1_000_001 })), {}],
    ['of lines before all time', ahead(1), { report: { bootMs: 2 * noonMs } }],
  ])('stays: %s', (_name, lines, given) => {
    expect(drift(lines, given)).toBeNull();
  });
});

describe('wrong tries', () => {
  const attempt = (n: number): ReportedLine => line(n, { kind: 'attempted', index: null });
  const users = (lines: readonly ReportedLine[], userLockThreshold = 3): unknown =>
    outcomeOf(lines, { known: { userLockThreshold } }).users;

  it('count where nothing right followed', () => {
    const lines = [attempt(1), attempt(2), line(3), attempt(4)];
    expect(users(lines)).toEqual([{ userId: 'user-1', failures: 2, countMax: 2 }]);
    expect(outcomeOf(lines).failures).toBe(2);
    const rescued = line(2, { kind: 'emergency-accepted', index: null });
    expect(users([attempt(1), rescued])).toEqual([]);
    expect(users([line(1)])).toEqual([]);
  });

  it('lock nobody', () => {
    expect(users([attempt(1)], 0)).toEqual([]);
    expect(users([attempt(1)], 1)).toEqual([]);
  });
});

describe('a package', () => {
  const after = (
    lines: readonly ReportedLine[],
    given: Case = {},
  ): readonly [PackageState | null, boolean] => {
    const { packages, standing } = outcomeOf(lines, given);
    return [packages[0]?.set.state ?? null, standing.length === 1];
  };
  const said = (kind: string): ReportedLine => line(1, { kind, index: null });
  const heldAs = (state: 'installed' | 'locked' | 'wiped'): Partial<ReportFacts> => ({
    packages: [{ packageId: 'package-1', state, eventsUsed: 0 }],
  });
  const notHeld = { packages: [] };

  it.each<[string, readonly [PackageState | null, boolean], readonly ReportedLine[], Case]>([
    ['stays', [null, true], [], {}],
    ['is there', ['installed', true], [said('installed')], { package: { state: 'issued' } }],
    ['is locked', ['locked', true], [said('locked')], { report: heldAs('locked') }],
    ['is wiped', ['wiped', false], [], { report: heldAs('wiped') }],
    ['was lost', ['wiped', false], [], { report: notHeld }],
    ['was wiped', ['wiped', false], [said('wiped')], { report: notHeld }],
    ['is on its way', [null, true], [], { package: { state: 'issued' }, report: notHeld }],
    [
      'came and went',
      ['wiped', false],
      [said('installed')],
      { package: { state: 'issued' }, report: notHeld },
    ],
    ['was given back', ['released', false], [said('released')], { report: notHeld }],
    [
      'was given back late',
      ['released', false],
      [said('released')],
      { package: { state: 'revoked' } },
    ],
    [
      'is over',
      ['expired', false],
      [],
      { package: { notAfterMs: noonMs }, known: { stands: new Set() } },
    ],
    ['stands no more', ['revoked', false], [], { known: { stands: new Set() } }],
    [
      'stays what it became',
      [null, false],
      [said('installed')],
      { package: { state: 'superseded' } },
    ],
  ])('%s', (_name, expected, lines, given) => {
    expect(after(lines, given)).toEqual(expected);
  });

  it('has as many logons used as were ever reported', () => {
    const report = {
      packages: [{ packageId: 'package-1', state: 'installed', eventsUsed: 4 }],
    } as const;
    const used = (eventsUsed: number): unknown =>
      outcomeOf([], { report, package: { eventsUsed } }).packages[0]?.set.eventsUsed;
    expect(used(1)).toBe(4);
    expect(used(9)).toBeUndefined();
  });

  it.each<[string, bigint | null, readonly ReportedLine[], Case]>([
    ['from its first', 5n, [], {}],
    ['behind what this report used', 9n, [line(1, { index: 8n }), line(2, { index: 6n })], {}],
    [
      'behind what was used before',
      12n,
      [],
      { known: { usedThrough: new Map([['package-1', 11n]]) } },
    ],
    ['once, however often it is said', 5n, [line(1, { kind: 'released', index: null })], {}],
    [
      'not when the same report uses more of another package',
      null,
      [line(1, { index: 30n, packageId: 'package-2' })],
      {
        known: {
          packages: new Map(
            [reserved, { ...event, id: 'package-2', count: 40 }].map((each) => {
              const held = packageWith(each);
              return [held.id, held];
            }),
          ),
        },
      },
    ],
    ['not of shared counters', null, [], { package: event }],
    ['not twice', null, [], { package: { ...reserved, state: 'released' } }],
    ['not when others came behind', null, [], { application: { nextEventCounter: 26n } }],
    ['not of another epoch', null, [], { application: { nextEventCounter: 25n, epoch: 2 } }],
    ['not of a device that is gone', null, [], { application: null }],
  ])('gives its counters back %s', (_name, to, lines, given) => {
    const released = line(9, { kind: 'released', index: null });
    const { releases } = outcomeOf([...lines, released], {
      algorithm: hotp,
      package: reserved,
      application: { nextEventCounter: 25n },
      ...given,
    });
    expect(releases).toEqual(
      to === null ? [] : [{ applicationId: 'application-1', epoch: 1, from: 25n, to }],
    );
  });
});
