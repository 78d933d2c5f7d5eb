import { describe, expect, it } from 'vitest';
import { localAuthentication, Oracle, type Rules } from '../../../emulator/index.ts';
import { type Row, rowWriter } from '../../../emulator/fleet/row.ts';
import { readTokenLine, tokenLine } from '../../../emulator/fleet/token-line.ts';
import { csvOf, fleet, head, rowsOf, runOf, timeSequence } from './support.ts';

const four = '[TIME, EVENT, CR, CR-COUNTER]';

function scenario(behaviour: string, applications = four, more = ''): string {
  return head(`for: P60D
tokens: [{ serials: VT90000001..VT90000004, profile: keypad-multi, applications: ${applications}, presses: none, behaviour: own }]
behaviours: { own: { logins: { perDay: 3, days: daily }, ${behaviour} } }
${more}`);
}

function sharesIn(rows: readonly Row[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { application } of rows) {
    if (application !== null) counts[application] = (counts[application] ?? 0) + 1;
  }
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / all]));
}

describe('tokens with several applications', () => {
  it('have a key for each, and use them as often as the behaviour says', () => {
    const drawn = fleet(scenario('applications: { TIME: 0.6, EVENT: 0.1, CR: 0.3 }'));
    const [token] = drawn.tokens;
    expect(token!.more.map(({ application }) => application.split('=')[0])).toEqual([
      'EVENT',
      'CR',
      'CR-COUNTER',
    ]);
    const keys = drawn.tokens.flatMap(({ key, more }) => [key, ...more.map((one) => one.key)]);
    expect(new Set(keys).size).toBe(16);
    const shares = sharesIn(rowsOf(runOf(drawn)));
    expect(Object.keys(shares).toSorted()).toEqual(['CR', 'EVENT', 'TIME']);
    expect(shares['TIME']).toBeCloseTo(0.6, 1);
    expect(shares['EVENT']).toBeCloseTo(0.1, 1);
  });

  it('share the logons by challenge where nothing else is said', () => {
    const shares = sharesIn(rowsOf(runOf(fleet(scenario('challengeLogons: 0.4')))));
    for (const name of ['CR', 'CR-COUNTER']) expect(shares[name]).toBeCloseTo(0.2, 1);
    for (const name of ['TIME', 'EVENT']) expect(shares[name]).toBeCloseTo(0.3, 1);
    const none = sharesIn(rowsOf(runOf(fleet(scenario('challengeLogons: 0')))));
    expect(Object.keys(none).toSorted()).toEqual(['EVENT', 'TIME']);
  });

  it('move the counter of the one that is used', () => {
    const rows = rowsOf(runOf(fleet(scenario('challengeLogons: 0.5'))));
    for (const name of ['EVENT', 'CR-COUNTER']) {
      const own = rows.filter(
        ({ serial, application }) => serial === 'VT90000002' && application === name,
      );
      expect(own.length).toBeGreaterThan(20);
      expect(own.map(({ counter }) => counter)).toEqual(own.map((_, index) => index));
    }
    // What is left are second logons in one time step.
    const refused = rows.filter(({ expect: verdict }) => verdict !== 'accept');
    expect(refused.filter(({ expect: verdict }) => verdict !== 'replay')).toEqual([]);
    expect(refused.length).toBeLessThan(5);
  });

  it('name the window of the one that was used', () => {
    const more = `events:
  - { at: P10D, do: clock-jump, by: PT7M }
  - { at: P20D, do: press, times: 20, application: EVENT }
  - { at: P20DT1M, do: unsent, times: 20, application: EVENT }
policy: { userLockThreshold: 0, identificationTimeWindowSteps: 4 }
`;
    const rows = rowsOf(runOf(fleet(scenario('', '[TIME, EVENT]', more))));
    const late = rows.filter(({ trueMs }) => trueMs > Date.UTC(2026, 0, 22));
    const reasons = (name: string): readonly string[] => [
      ...new Set(late.filter(({ application }) => application === name).map((one) => one.reason)),
    ];
    expect(reasons('TIME')).toEqual(['outside-time-window']);
    expect(reasons('EVENT')).toEqual(['outside-event-window']);
    const presses = rows.filter(({ event }) => event === 'unsent' || event === 'press');
    expect(presses.map(({ application }) => application)).toEqual(presses.map(() => 'EVENT'));
  });

  it('are refused where the scenario does not agree with itself', () => {
    const refusalOf = (text: string): string => {
      try {
        fleet(text);
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(refusalOf(scenario('', '[TIME, TIME]'))).toMatch(
      /\.applications must name each application once/,
    );
    expect(refusalOf(scenario('', '[TIME, NOPE]'))).toMatch(
      /tokens\[0\]\.applications must be an application of keypad-multi: TIME, EVENT/,
    );
    expect(refusalOf(scenario('').replace('presses: none', 'application: TIME'))).toMatch(
      /\.applications must choose: applications excludes application and algorithm/,
    );
    expect(refusalOf(scenario('applications: { TIME: 1 }', '[EVENT, CR]'))).toMatch(
      /behaviour uses none of the applications of these tokens: EVENT, CR/,
    );
    expect(refusalOf(scenario('applications: { EVENT: 1, CR-COUNTR: 1 }'))).toMatch(
      /applications\.CR-COUNTR is none that these owners have: TIME, EVENT, CR, CR-COUNTER$/,
    );
    const press = 'events: [{ at: P1D, do: press, application: CR }]';
    expect(refusalOf(scenario('', '[EVENT, TIME]', press))).toMatch(
      /events\[0\]\.application must be one that each of these tokens has: EVENT, TIME/,
    );
    const signing = scenario('', '["APPLI 1", "APPLI 2"]');
    expect(refusalOf(signing.replace('keypad-multi', 'keypad-sign-2-fields'))).toMatch(
      /takes no application that signs data fields/,
    );
    expect(refusalOf(scenario('', '[TIME, UNLOCK]').replace('keypad-multi', 'keypad-pin'))).toMatch(
      /takes no application that only unlocks the device/,
    );
    const algorithm = 'algorithm: "OCRA-1:HOTP-SHA1-6:C-QN08-PSHA1"';
    const withPin = scenario('').replace(`applications: ${four}`, algorithm);
    expect(refusalOf(withPin)).toMatch(/takes no algorithm with a PIN/);
  });

  it('stand in a line of the token, and in a column for who asks', () => {
    const drawn = fleet(scenario('challengeLogons: 0.5'));
    for (const token of drawn.tokens) expect(readTokenLine(tokenLine(token))).toEqual(token);
    const writer = rowWriter('jsonl', ['event', 'application']);
    const [row] = rowsOf(runOf(drawn)).filter(({ application }) => application === 'CR');
    expect(writer.write(row!)).toBe('{"event":"login","application":"CR"}\n');
  });

  it('go on from any row as if they had not stopped', () => {
    const text = scenario('challengeLogons: 0.5, typingErrors: 0.2, retries: 2');
    const drawn = fleet(`${text}policy: { secondOtpSync: true, syncTimeWindowSeconds: 600 }\n`);
    const rows = rowsOf(runOf(drawn));
    // By the end, counters are further than a window.
    for (const split of [20, rows.length - 40, rows.findIndex(({ event }) => event === 'retry')]) {
      const first = runOf(drawn);
      for (let index = 0; index < split; index += 1) first.next();
      const second = runOf(drawn);
      second.recall(JSON.parse(JSON.stringify(first.memory)) as typeof first.memory);
      const after = Array.from({ length: rows.length - split }, () => second.next()!);
      expect(csvOf(after), String(split)).toBe(csvOf(rows.slice(split)));
    }
  });
});

describe('the oracle of several applications', () => {
  const time = timeSequence;
  const suite = 'OCRA-1:HOTP-SHA1-6:QN08-T30S';
  const nowMs = 1_767_225_600_000;
  const step = nowMs / 30_000;
  const key = (byte: number): Uint8Array => new Uint8Array(20).fill(byte);

  function oracleOf(rules: Partial<Rules> = {}): Oracle {
    return new Oracle({
      serial: 'VT00000001',
      applicationName: 'TIME',
      seed: key(1),
      sequence: time,
      others: [
        {
          applicationName: 'EVENT',
          seed: key(2),
          sequence: { ...time, hasCounter: true, hasClock: false },
        },
        { applicationName: 'CR', seed: key(3), sequence: { ...time, suite, isAsked: true } },
      ],
      rules: { ...localAuthentication, ...rules },
    });
  }

  const typed = (
    oracle: Oracle,
    name: string,
    position: { readonly counter: number | null; readonly step: number | null },
  ): { readonly response: string; readonly question: string | null } => {
    const question = name === 'CR' ? '12345678' : null;
    return { response: oracle.responseAt(position, question, name), question };
  };

  it('finds a response wherever it may belong, and moves that application alone', () => {
    const oracle = oracleOf();
    const answers = [
      oracle.verify(nowMs, typed(oracle, 'EVENT', { counter: 3, step: null })),
      oracle.verify(nowMs, typed(oracle, 'CR', { counter: null, step: step + 2 })),
      oracle.verify(nowMs, typed(oracle, 'TIME', { counter: null, step })),
    ];
    expect(answers.map(({ outcome, facts }) => [outcome, facts['application']])).toEqual([
      ['accepted', 'EVENT'],
      ['accepted', 'CR'],
      ['accepted', 'TIME'],
    ]);
    expect(oracle.stateOf('EVENT')).toMatchObject({ nextCounter: 4, driftAtMs: null });
    // The clocks learn for themselves: only what the help desk does moves all.
    expect([oracle.stateOf('CR').drift, oracle.stateOf('TIME').drift]).toEqual([30, 0]);
    expect(() => oracle.stateOf('NOPE')).toThrow(/no such application/);
  });

  it('looks at the nearest places of all of them first', () => {
    const oracle = oracleOf();
    const next = oracle.verify(nowMs, typed(oracle, 'EVENT', { counter: 0, step: null }));
    // It is the second of 21 and 20: the first chunk is one, the next four.
    expect(next.facts).toMatchObject({ candidates: 5, ofCandidates: 41 });
  });

  it('searches each as far as its share of a synchronisation goes', () => {
    const reaches = (counter: number): string => {
      const oracle = oracleOf({ syncEventWindowSteps: 16_000, userLockThreshold: 0 });
      const [first, second] = [counter, counter + 1].map((at) =>
        typed(oracle, 'EVENT', { counter: at, step: null }),
      );
      return oracle.synchronise(nowMs, first!, second!).outcome;
    };
    expect([reaches(8000), reaches(9000)]).toEqual(['synchronised', 'sync-incorrect']);
  });

  it('locks the user by wrong responses to any of them', () => {
    const oracle = oracleOf({ userLockThreshold: 2 });
    const wrong = { response: '000000', question: null };
    const outcomes = [
      oracle.verify(nowMs, wrong),
      oracle.verify(nowMs, { ...wrong, question: '12345678' }),
      oracle.verify(nowMs, typed(oracle, 'CR', { counter: null, step })),
    ];
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'response-incorrect',
      'response-incorrect',
      'user-locked',
    ]);
  });

  it('bars the applications that were compared, and no other', () => {
    const oracle = oracleOf({ identificationThreshold: 1, userLockThreshold: 0 });
    oracle.verify(nowMs, { response: '000000', question: null });
    expect(['TIME', 'EVENT', 'CR'].map((name) => oracle.stateOf(name).failures)).toEqual([1, 1, 0]);
    const outcomeOf = (name: string): string =>
      oracle.verify(nowMs, typed(oracle, name, { counter: null, step })).outcome;
    expect([outcomeOf('TIME'), outcomeOf('CR')]).toEqual(['challenge-required', 'accepted']);
    oracle.verify(nowMs, { response: '000000', question: '1' });
    expect(outcomeOf('CR')).toBe('application-locked');
  });

  it('moves the one clock of all by a synchronisation', () => {
    const oracle = oracleOf();
    const far = { counter: null, step: step + 40 };
    const late = { counter: null, step: step + 41 };
    const done = oracle.synchronise(nowMs, typed(oracle, 'TIME', far), typed(oracle, 'TIME', late));
    expect(done).toMatchObject({ outcome: 'synchronised', facts: { followers: 'CR' } });
    const drifts = ['TIME', 'CR', 'EVENT'].map((name) => oracle.stateOf(name).drift);
    expect(drifts).toEqual([1245, 1245, 0]);
  });
});
