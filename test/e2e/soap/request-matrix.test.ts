import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicySettings } from '../../../src/domain/policy-catalogue.ts';
import { type Edges, openEdges } from './edges.ts';
import { hotp6, ocraTime } from '../../support/builders.ts';
import {
  giveContact,
  giveGateway,
  givePassword,
  giveVirtual,
  scriptedDelivery,
  setAuthenticator,
} from '../../support/people.ts';
import { givePin } from '../../support/pins.ts';
import { attributeCommand, soapCall } from '../../support/soap-client.ts';

/**
 * Every request method, for each of the three processes, with a keyword and a blank one, by somebody
 * who can do what is asked or can't, has a static password or none, is in his grace period or past it;
 * in both formats and through both edges. What must come of it is said by a table of its own.
 */

const processes = ['two-step', 'primary', 'backup'] as const;
const methods = [
  'none',
  'keyword',
  'keyword-only',
  'password',
  'keyword-password',
  'password-keyword',
  'keyword-pin',
] as const;
type Process = (typeof processes)[number];
type Method = (typeof methods)[number];
type Outcome = 'issued' | 'accepted' | 'refused';

const password = 'Sommer-2026';
const pin = '4721';
const dayMs = 86_400_000;

interface Somebody {
  readonly userName: string;
  readonly isCapable: boolean;
  readonly hasPassword: boolean;
  readonly isInGrace: boolean;
  readonly edge: 'soap' | 'rest';
  readonly format: '0' | '4';
}

const delivery = scriptedDelivery();
let edges: Edges;
const crowds = new Map<Process, readonly Somebody[]>();

const either = [true, false];
const everybody: readonly Omit<Somebody, 'userName'>[] = either.flatMap((isCapable) =>
  either.flatMap((hasPassword) =>
    either.flatMap((isInGrace) =>
      (['soap', 'rest'] as const).flatMap((edge) =>
        (['0', '4'] as const).map((format) => ({
          isCapable,
          hasPassword,
          isInGrace,
          edge,
          format,
        })),
      ),
    ),
  ),
);

beforeAll(async () => {
  edges = await openEdges({ delivery, limits: { sendsPerHourMax: 100_000 } });
  await giveGateway(edges.bench);
  for (const process of processes) {
    const crowd: Somebody[] = [];
    for (const kind of everybody) crowd.push(await equipped(process, kind));
    crowds.set(process, crowd);
  }
});

afterAll(() => edges.close());

async function equipped(process: Process, kind: Omit<Somebody, 'userName'>): Promise<Somebody> {
  const { bench } = edges;
  const userName = await bench.user();
  const { isCapable, hasPassword, isInGrace } = kind;
  const isVirtual = process === 'primary' && isCapable;
  const algorithm = process === 'two-step' && isCapable ? ocraTime : hotp6;
  const serial = isVirtual
    ? await giveVirtual(bench, userName)
    : (await bench.device(algorithm, { userName })).serial;
  if (!isVirtual) await givePin(bench, serial, pin);
  await setAuthenticator(bench, serial, {
    graceEndsAtMs: bench.clock.nowMs() + (isInGrace ? dayMs : -dayMs),
    backup: { mode: process === 'backup' && isCapable ? 'permitted' : 'no' },
  });
  await giveContact(bench, userName);
  if (hasPassword) await givePassword(bench, userName, password);
  return { userName, ...kind };
}

/** What a text has to be to ask for something, and what it shows by being it. */
function askingTexts(
  process: Process,
  method: Method,
  keyword: string,
): readonly { readonly text: string; readonly shows: 'nothing' | 'password' | 'pin' }[] {
  const alone = { text: keyword, shows: 'nothing' } as const;
  const before = { text: keyword + password, shows: 'password' } as const;
  const behind = { text: password + keyword, shows: 'password' } as const;
  switch (method) {
    case 'none':
      return [];
    case 'keyword':
      return keyword === '' ? [alone] : [alone, before, behind];
    case 'keyword-only':
      return [alone];
    case 'password':
      return [{ text: password, shows: 'password' }];
    case 'keyword-password':
      return [before];
    case 'password-keyword':
      return [behind];
    case 'keyword-pin':
      // A virtual mobile authenticator has no PIN that could be shown.
      return process === 'primary' ? [] : [{ text: keyword + pin, shows: 'pin' }];
  }
}

function expected(who: Somebody, asking: ReturnType<typeof askingTexts>, text: string): Outcome {
  const isPasswordGood = who.hasPassword && who.isInGrace;
  const asked = asking.find(
    (one) => one.text === text && (one.shows !== 'password' || who.hasPassword),
  );
  if (asked !== undefined && who.isCapable) {
    return asked.shows === 'password' && who.isInGrace ? 'accepted' : 'issued';
  }
  return isPasswordGood && text === password ? 'accepted' : 'refused';
}

function policyFor(process: Process, method: Method, keyword: string): PolicySettings {
  const nothing = {
    twoStepRequestMethod: 'none',
    primaryVirtualRequestMethod: 'none',
    backupVirtualRequestMethod: 'none',
  } as const;
  const asked: Readonly<Record<Process, PolicySettings>> = {
    'two-step': { twoStepRequestMethod: method, twoStepRequestKeyword: keyword },
    primary: { primaryVirtualRequestMethod: method, primaryVirtualRequestKeyword: keyword },
    backup: { backupVirtualRequestMethod: method, backupVirtualRequestKeyword: keyword },
  };
  return {
    ...nothing,
    ...asked[process],
    localAuthentication: 'password-in-grace',
    userLockThreshold: 0,
    virtualSendsPerUserPerHour: 1000,
    virtualSendsPerComponentPerHour: 100_000,
  };
}

type Program = Awaited<ReturnType<Edges['component']>>;

async function bySoap({ type }: Program, who: Somebody, text: string): Promise<Outcome> {
  const field = who.format === '0' ? 'CREDFLD_PASSWORD' : 'CREDFLD_STATIC_PASSWORD';
  const answer = await soapCall(
    edges.url,
    attributeCommand('aut:authUser', {
      CREDFLD_COMPONENT_TYPE: type,
      CREDFLD_USERID: who.userName,
      CREDFLD_PASSWORD_FORMAT: who.format,
      [field]: text === '' ? undefined : text,
    }),
  );
  const { attributes, returnCodeEnum, statusCodeEnum } = answer;
  if (returnCodeEnum === 'RET_SUCCESS') {
    expect(attributes['CREDFLD_SERIAL_NO']).toBeUndefined();
    expect(attributes['CREDFLD_STATUS_MESSAGE']).toBeUndefined();
    return 'accepted';
  }
  expect(returnCodeEnum).toBe('RET_FAILURE');
  expect(attributes['CREDFLD_STATUS_MESSAGE']).not.toBe('');
  expect(attributes['CREDFLD_CHALLENGE_KEY'] !== undefined).toBe(statusCodeEnum === 'STAT_SUCCESS');
  return statusCodeEnum === 'STAT_SUCCESS' ? 'issued' : 'refused';
}

async function byRest({ key }: Program, who: Somebody, text: string): Promise<Outcome> {
  const shown = who.format === '0' ? { password: text } : { staticPassword: text };
  const { status, body } = await edges.rest(key, '/v1/authenticate', {
    user: who.userName,
    ...shown,
  });
  if (status === 200) {
    expect(body).toMatchObject({ by: 'password', serial: null });
    return 'accepted';
  }
  if (status !== 202) return 'refused';
  expect(body['challengeKey']).toMatch(/^[0-9]{10}$/);
  return 'issued';
}

/** What everybody may type, right or wrong. */
const textsFor = (keyword: string): readonly string[] => [
  ...new Set([
    keyword,
    password,
    keyword + password,
    password + keyword,
    keyword + pin,
    `${keyword}wrong`,
    `${keyword}9999`,
    'wrong',
    '',
  ]),
];

interface Surprise {
  readonly who: Somebody;
  readonly text: string;
  readonly expected: Outcome;
  readonly came: Outcome;
}

async function askedBy(
  who: Somebody,
  program: Program,
  asking: ReturnType<typeof askingTexts>,
  texts: readonly string[],
): Promise<{ readonly surprises: readonly Surprise[]; readonly issued: number }> {
  const surprises: Surprise[] = [];
  let issued = 0;
  for (const text of texts) {
    const came = await (who.edge === 'soap' ? bySoap : byRest)(program, who, text);
    const wanted = expected(who, asking, text);
    if (wanted === 'issued') issued += 1;
    if (came !== wanted) surprises.push({ who, text, expected: wanted, came });
  }
  return { surprises, issued };
}

describe.each(processes)('%s', (process) => {
  it.each(methods)('asked for by %s', async (method) => {
    for (const keyword of ['otp', '']) {
      const program = await edges.component(policyFor(process, method, keyword));
      const asking = askingTexts(process, method, keyword);
      delivery.sent.length = 0;
      const results = await Promise.all(
        (crowds.get(process) ?? []).map((who) => askedBy(who, program, asking, textsFor(keyword))),
      );
      expect(results.flatMap(({ surprises }) => surprises)).toEqual([]);
      const issued = results.reduce((sum, one) => sum + one.issued, 0);
      expect(delivery.sent.length).toBe(process === 'two-step' ? 0 : issued);
    }
  });
});
