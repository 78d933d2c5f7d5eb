import { describe, expect, it } from 'vitest';
import { readScenario } from '../../../emulator/fleet/scenario-file.ts';
import { scenarioJsonSchema } from '../../../emulator/fleet/scenario-schema.ts';
import { mixedScenario } from './support.ts';

const small = `version: 1
seed: qa
start: 2026-01-01T00:00:00Z
for: P30D
tokens:
  - serials: VT90000001..VT90000010
    profile: one-button-time
`;

function read(text: string): ReturnType<typeof readScenario> {
  return readScenario(Buffer.from(text), 's.yaml');
}

/** The message's lines, without the file's name. */
function problemsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace(/^s\.yaml:/, ''));
  }
  return [];
}

describe('a scenario file', () => {
  it('is YAML or JSON, with defaults', () => {
    const fromYaml = read(small);
    expect(fromYaml).toMatchObject({ for: 30 * 86_400_000, events: [], policy: {} });
    expect(fromYaml.tokens[0]).toMatchObject({ drift: 'typical' });
    const json = JSON.stringify({
      version: 1,
      seed: 'qa',
      start: '2026-01-01T00:00:00Z',
      for: 'P30D',
      tokens: [{ serials: 'VT90000001..VT90000010', profile: 'one-button-time' }],
    });
    expect(read(json)).toEqual(fromYaml);
  });

  it('names line, column, member and what is allowed, for everything at once', () => {
    const text = small
      .replace('version: 1', 'version: 2')
      .replace('P30D', 'P1Y')
      .replace('profile: one-button-time', 'profil: one-button-time\n    drift: { offset: 3 }');
    expect(problemsOf(`${text}policy: { eventWindowSteps: 0 }\n`)).toEqual([
      '1:10: version must be 1',
      expect.stringMatching(/^4:6: for must be a duration of at most 3660 days.*years and months/),
      expect.stringMatching(
        /^6:5: tokens\[0\]\.profile is missing: it is one of one-button-time, /,
      ),
      expect.stringMatching(/^7:5: tokens\[0\]\.profil is no member here; allowed are serials, /),
      expect.stringMatching(/^8:22: tokens\[0\]\.drift\.offset must be a duration with a sign/),
      '9:29: policy.eventWindowSteps must be a whole number from 1 to 10000',
    ]);
  });

  it('has examples that are allowed', () => {
    const group = '    battery: { kind: sealed, life: P1D }\n    behaviour: own\n';
    const own = 'behaviours: { own: { submitDelay: { from: P1D, to: P1D } } }\n';
    expect(problemsOf(small + group + own)).toEqual([
      expect.stringMatching(/from P30D to P3660D, such as P90D \(/),
      expect.stringMatching(/at most an hour, such as PT20S \(/),
      expect.stringMatching(/at most an hour, such as PT20S \(/),
    ]);
    expect(problemsOf(small.replace('P30D', 'P1Y'))).toEqual([
      expect.stringMatching(/such as PT20S or P3D \(/),
    ]);
  });

  it('names what is wrong in shape and in sense at once, in order of lines', () => {
    const text = `version: 1
seed: qa
start: 1971-01-01T00:00:00Z
for: P30D
tokens:
  - { serials: VT90000001..VT90000010, profile: one-button-tim, group: first }
  - { serials: VT90000003, profile: keypad-multi, application: NOPE, behaviour: lost }
  - { serials: VT80000001, profile: one-button-time-event, drift: 3, behaviour: own }
behaviours:
  own: { logins: { hours: 19-07 }, typingErrors: 2, submitDelay: { from: PT9S, to: PT1S } }
events:
  - { at: P31D, do: explode }
  - { at: P2D, group: second, do: press, times: 0 }
  - { at: P3D, do: restore-backup, of: P4D }
policy: { eventWindowSteps: 0 }
`;
    expect(problemsOf(text)).toEqual([
      '3:8: start must be 1973 or later',
      expect.stringMatching(/^6:49: tokens\[0\]\.profile must be one of one-button-time, /),
      '7:16: tokens[1].serials names VT90000003 a second time',
      expect.stringMatching(
        /^7:64: tokens\[1\]\.application must be an application of keypad-multi: /,
      ),
      '7:81: tokens[1].behaviour must be one of the behaviours of this file: own',
      expect.stringMatching(/^8:37: tokens\[2\]\.profile has clock and counter together/),
      expect.stringMatching(/^8:67: tokens\[2\]\.drift must be one of/),
      '10:27: behaviours.own.logins.hours must end later than it begins',
      '10:50: behaviours.own.typingErrors must be a number from 0 to 1',
      '10:66: behaviours.own.submitDelay must not end before it begins',
      '12:11: events[0].at must not be after the end of the scenario',
      expect.stringMatching(/^12:21: events\[0\]\.do must be one of press, /),
      '13:23: events[1].group must be one of the groups of this file: first',
      expect.stringMatching(/^13:49: events\[1\]\.times must be a whole number from 1/),
      '14:40: events[2].of must not be after the time at which the backup is restored',
      '15:29: policy.eventWindowSteps must be a whole number from 1 to 10000',
    ]);
  });

  it.each([
    [
      'serials that nobody can read',
      '  - { serials: vt90000011, profile: one-button-time }\n',
      /serials/,
    ],
    ['a range that is none', '  - { serials: VT11..VT222, profile: one-button-time }\n', /serials/],
    ['a group that is none', '  - 7\n', /tokens\[1\] must be an object/],
    ['tokens that are none', '', /tokens must be a list/],
  ])('says nothing of an event for %s', (what, more, message) => {
    const tokens =
      what === 'tokens that are none' ? small.replace(/tokens:[^]*/, 'tokens: 7\n') : small;
    const events = 'events: [{ at: P1D, tokens: VT90000011, do: reseed }]\n';
    const groups = 'events: [{ at: P1D, group: nobody, do: reseed }]\n';
    expect(problemsOf(tokens + more + events).length).toBe(1);
    expect(problemsOf(tokens + more + events).join()).toMatch(message);
    // Who cannot read a group cannot know its name.
    const isNamed = what.startsWith('serials') || what.startsWith('a range');
    expect(problemsOf(tokens + more + groups).length).toBe(isNamed ? 2 : 1);
  });

  it('does not judge what depends on something that cannot be read', () => {
    const group = (more: string): string =>
      `${small}  - { serials: VT1000000, profile: one-button-time-event, ${more} }\n`;
    expect(problemsOf(`${group('group: x')}policy: { timeAndEventApplications: 3 }\n`)).toEqual([
      expect.stringMatching(/^9:37: policy\.timeAndEventApplications must be one of/),
    ]);
    expect(problemsOf(group('algorithm: 3'))).toEqual([
      expect.stringMatching(/^8:70: tokens\[1\]\.algorithm must be an algorithm/),
    ]);
  });

  it('tells once what is wrong in two ways', () => {
    expect(problemsOf(`${small}policy: { userLockThreshold: 1e300 }\n`)).toEqual([
      '8:30: policy.userLockThreshold must be a whole number from 0 to 1000',
    ]);
  });

  it('names twenty problems at most', () => {
    const members = Array.from({ length: 30 }, (_, index) => `x${String(index)}: 1\n`).join('');
    const problems = problemsOf(small + members);
    expect(problems.length).toBe(21);
    expect(problems.at(-1)).toBe('and 10 more');
  });

  it.each([
    [
      'a name that is none',
      '    behaviour: nope\n',
      /7|8:16: tokens\[0\]\.behaviour must be one of/,
    ],
    [
      'one serial twice',
      '  - { serials: VT90000003, profile: one-button-event }\n',
      /8:16: .*VT90000003 a second time/,
    ],
    [
      'a range that falls',
      '  - { serials: VT10000002..VT10000001, profile: one-button-time }\n',
      /8:16: tokens\[1\]\.serials must be a range that goes upwards/,
    ],
    [
      'too many tokens',
      '  - { serials: VT1000000..VT1999999, profile: one-button-time }\n',
      /more than 100000 tokens/,
    ],
    [
      'a PIN in the response',
      '  - { serials: VT1000000, profile: keypad-pin, algorithm: "OCRA-1:HOTP-SHA1-6:C-QN08-PSHA1" }\n',
      /8:59: tokens\[1\]\.algorithm is not for fleets: a fleet takes no algorithm with a PIN/,
    ],
    [
      'clock and counter unasked',
      '  - { serials: VT1000000, profile: one-button-time-event }\n',
      /timeAndEventApplications/,
    ],
    [
      'an algorithm of no use',
      '  - { serials: VT1000000, profile: one-button-time, algorithm: "OCRA-1:HOTP-SHA1-6:QN08" }\n',
      /no challenge/,
    ],
    [
      'an algorithm that is none',
      '  - { serials: VT1000000, profile: one-button-time, algorithm: FOO }\n',
      /8:64: tokens\[1\]\.algorithm must be HOTP-SHA1-6, /,
    ],
    [
      'a column twice',
      'output: { columns: [serial, otp, serial] }\n',
      /8:20: output\.columns must name each column once/,
    ],
    [
      'how long a clock is held up that only stands still',
      'events: [{ at: P1D, do: battery-swap, gap: PT1M, hold: PT1M }]\n',
      /8:56: events\[0\]\.hold is for policy holdup alone/,
    ],
    [
      'how wrong a clock is set that nobody sets',
      'events: [{ at: P1D, do: battery-swap, gap: PT1M, policy: reset, error: PT1M }]\n',
      /8:72: events\[0\]\.error is for policy settable alone/,
    ],
    [
      'a zone that is none',
      'behaviours: { a: { logins: { zone: Europe/Nowhere } } }\n',
      /8:36: .*IANA/,
    ],
    [
      'a name of a behaviour that is none',
      'behaviours: { a b: {} }\n',
      /8:15: behaviours\.a b must be a name: 1 to 32 letters, digits/,
    ],
    [
      'a share of an application that is none',
      'behaviours: { a: { applications: { time: 1 } } }\n',
      /8:36: behaviours\.a\.applications\.time must be the name of an application/,
    ],
    [
      'an event later than any scenario',
      'events: [{ at: P3661D, do: reseed }]\n',
      /8:16: events\[0\]\.at must be a duration from the start on, of at most 3660 days/,
    ],
    [
      'an event after the end',
      'events: [{ at: P31D, do: reseed }]\n',
      /8:16: events\[0\]\.at must not be after the end/,
    ],
    [
      'an event of a stranger',
      'events: [{ at: P1D, tokens: VT80000000, do: reseed }]\n',
      /VT80000000, which is no token here/,
    ],
    [
      'an unknown event',
      'events: [{ at: P1D, do: explode }]\n',
      /events\[0\]\.do must be one of press, unsent/,
    ],
    [
      'storage of a clock without crystal',
      '    drift: ideal\nevents: [{ at: P1D, do: storage, celsius: 40, for: P1D }]\n',
      /know no temperature/,
    ],
  ])('refuses %s', (_name, more, message) => {
    const text = problemsOf(small + more).join('\n');
    expect(text).toMatch(message);
  });

  it('refuses events that concern more tokens than fit in memory', () => {
    const text = small.replace('VT90000001..VT90000010', 'VT100000..VT199999');
    const events = '  - { at: P1D, do: press }\n'.repeat(11);
    expect(problemsOf(`${text}events:\n${events}`)).toEqual([
      '9:3: events must concern at most 1000000 tokens taken together, not 1100000',
    ]);
  });

  it('refuses what YAML can do beyond data', () => {
    expect(problemsOf('a: &x [1]\nb: *x\n')).toEqual([
      expect.stringMatching(/^1:.*anchors and aliases are not allowed/),
      expect.stringMatching(/^2:4: anchors and aliases/),
    ]);
    expect(problemsOf('a: !!str 3\n')).toEqual([
      expect.stringMatching(/^1:.*tags are not allowed/),
    ]);
    expect(problemsOf('a: !foo 3\n')).toEqual([expect.stringMatching(/^1:4: .*Unresolved tag/)]);
    expect(problemsOf('a: 1\na: 2\n')).toEqual([expect.stringMatching(/^2:1: .*unique/)]);
    expect(problemsOf('a: 1\n---\nb: 1\n').join()).toMatch(/multiple documents/);
  });

  it('is refused in a moment where it is made to hurt', () => {
    const startedAt = performance.now();
    const deep = Array.from({ length: 1000 }, (_, index) => `${' '.repeat(index)}a:\n`).join('');
    const hurtful = ['['.repeat(500_000), '{a: '.repeat(200_000), '- '.repeat(500_000), deep];
    for (const text of hurtful) expect(problemsOf(text).join()).toMatch(/nested/);
    expect(problemsOf('#'.repeat(1024 * 1024 + 1)).join()).toMatch(/at most 1048576 bytes/);
    const bad = Buffer.from([0x61, 0xff]);
    expect(() => readScenario(bad, 's')).toThrow(/UTF-8/);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  it('has a JSON Schema of the same shape', () => {
    const schema = scenarioJsonSchema() as {
      properties: Record<string, { properties?: Record<string, unknown>; enum?: unknown }>;
      required: string[];
      additionalProperties: unknown;
    };
    expect(schema.required).toEqual(['version', 'seed', 'start', 'for', 'tokens']);
    expect(schema.additionalProperties).toBe(false);
    expect(Object.keys(schema.properties)).toContain('events');
    expect(schema.properties['policy']?.properties?.['eventWindowSteps']).toMatchObject({
      minimum: 1,
      maximum: 10_000,
    });
  });

  it('may have everything', () => {
    expect(problemsOf(mixedScenario)).toEqual([]);
  });
});
