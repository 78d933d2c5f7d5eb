import { describe, expect, it } from 'vitest';
import {
  type ClockParameters,
  createToken,
  drawClock,
  driftPresets,
  labelledKey,
  profileNamed,
  tokenFromJson,
  tokenToJson,
} from '../../../emulator/index.ts';
import { errorOf, rfcSeed } from '../support.ts';

type Json = Record<string, unknown>;

const nowMs = Date.UTC(2026, 0, 1);
const drawn = drawClock('typical', 'qa', 'VT00000001', nowMs);
const key = Buffer.from(labelledKey('qa', 'VT00000001', 'jitter')).toString('hex');

const fileOf = (clock: ClockParameters): Json => {
  const profile = profileNamed('one-button-time');
  const token = createToken({ serial: 'VT00000001', profile, clock }, [new Uint8Array(rfcSeed)]);
  return JSON.parse(tokenToJson({ token, revision: 1 })) as Json;
};
const read = (json: Json): ClockParameters => tokenFromJson(JSON.stringify(json)).token.clock;
const withClock = (members: Json): Json => {
  const json = fileOf(drawn);
  return { ...json, clock: { ...(json['clock'] as Json), ...members } };
};

describe('the clock in a state file', () => {
  it.each(driftPresets)('of the preset %s is read back as it was drawn', (preset) => {
    const clock = drawClock(preset, 'qa', 'VT00000001', nowMs);
    expect(read(fileOf(clock))).toEqual(clock);
  });

  it('with every kind of event and with jitter is read back as it was', () => {
    const jitter = { sigmaPpm: 0.5, key };
    const crystal = { temperature: drawn.crystal!.temperature, ageing: null, jitter };
    const [atMs, untilMs] = [nowMs + 1000, nowMs + 2000];
    const clock: ClockParameters = {
      ...drawn,
      crystal,
      events: [
        { kind: 'jump', atMs, byMs: -5 },
        { kind: 'rate', atMs, ratePpm: 1.25 },
        { kind: 'set', atMs, offsetMs: 7 },
        { kind: 'reset', atMs, deviceEpochMs: 0 },
        { kind: 'pause', atMs, untilMs },
        { kind: 'excursion', atMs, untilMs, temperatureC: 60 },
      ],
    };
    expect(read(fileOf(clock))).toEqual(clock);
  });

  it('of version 2 knows jumps and rates, and nothing of crystals', async () => {
    const clock = { manufacturedAtMs: nowMs, offsetMs: 5, ratePpm: 2 };
    const { battery, hull, applications, ...others } = fileOf(drawn);
    expect(battery).toBeNull();
    const { infoMenu, countdown, isProgrammable, ...oldHull } = hull as Json;
    expect([infoMenu, countdown, isProgrammable]).toEqual([null, null, false]);
    const oldApplications = (applications as Json[]).map(({ fields, hostCode, ...old }) => {
      expect([fields, hostCode]).toEqual([null, null]);
      return old;
    });
    const old = (events: Json[], more: Json = {}): Json => ({
      ...others,
      version: 2,
      hull: oldHull,
      applications: oldApplications,
      clock: { ...clock, events, ...more },
    });
    const events = [{ kind: 'jump', atMs: nowMs, byMs: 1 }];
    expect(read(old(events))).toEqual({ ...clock, events });
    for (const json of [
      old([{ kind: 'pause', atMs: nowMs, untilMs: nowMs }]),
      old([], { crystal: null }),
      old([], { drawn: null }),
      { ...old([]), battery: null },
    ]) {
      expect((await errorOf(() => read(json))).code).toBe('state-damaged');
    }
  });

  const temperature = { ...drawn.crystal!.temperature };
  it.each<[string, Json]>([
    ['no crystal at all', { crystal: undefined }],
    ['a crystal without ageing', { crystal: { temperature: null, jitter: null } }],
    ['a temperature in words', withTemperature({ meanC: 'warm' })],
    ['a temperature too many', withTemperature({ nightlyC: 3 })],
    ['a wave below zero', withTemperature({ dailyC: -1 })],
    [
      'a key that is too short',
      { crystal: { temperature: null, ageing: null, jitter: { sigmaPpm: 1, key: 'ab' } } },
    ],
    ['an unknown preset', { drawn: { preset: 'perfect', seed: 'qa', events: [] } }],
    ['an empty seed', { drawn: { preset: 'ideal', seed: '', events: [] } }],
    ['an event of another kind', { events: [{ kind: 'leap', atMs: nowMs }] }],
    [
      'an event with a member too many',
      { events: [{ kind: 'set', atMs: nowMs, offsetMs: 1, byMs: 1 }] },
    ],
    ['a pause without end', { events: [{ kind: 'pause', atMs: nowMs }] }],
    [
      'drawn events before manufacture',
      {
        drawn: {
          preset: 'phone',
          seed: 'qa',
          events: [{ kind: 'set', atMs: nowMs - 1, offsetMs: 0 }],
        },
      },
    ],
  ])('with %s is refused', async (_name, members) => {
    expect((await errorOf(() => read(withClock(members)))).code).toBe('state-damaged');
  });

  function withTemperature(members: Json): Json {
    return { crystal: { ...drawn.crystal, temperature: { ...temperature, ...members } } };
  }
});
