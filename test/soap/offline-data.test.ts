import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { TallystickError } from '../../src/errors.ts';
import type { Caller, OfflinePackageView } from '../../src/service/api.ts';
import {
  administration,
  at,
  attributesOf,
  codesOf,
  envelope,
  faultOf,
  type SoapAnswer,
  type SoapWorld,
  startSoap,
} from './support.ts';

let world: SoapWorld;

const sessionId = 's'.repeat(43);
const caller = { keyId: null, keyName: 'master/jane', role: 'helpdesk' } as Caller;
const view: OfflinePackageView = {
  packageId: 'p',
  agentId: 'a',
  agentName: 'pc-1',
  componentType: 'Desk',
  userName: 'Joe',
  domainName: 'sales',
  serial: 'VT00000001',
  applicationName: 'OTP',
  kind: 'event',
  first: 2n ** 63n,
  count: 110,
  state: 'installed',
  createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  notBeforeMs: Date.UTC(2026, 0, 2),
  notAfterMs: Date.UTC(2026, 0, 9),
  eventsUsed: 3,
  silentAtMs: null,
  eventsMax: 100,
};
const shown = {
  OFFLINEDATAFLD_USERID: 'Joe',
  OFFLINEDATAFLD_DOMAIN: 'sales',
  OFFLINEDATAFLD_COMPONENT_TYPE: 'Desk',
  OFFLINEDATAFLD_COMPONENT_LOCATION: 'pc-1',
  OFFLINEDATAFLD_SERIALNO: 'VT00000001',
  OFFLINEDATAFLD_APPLNAME: 'OTP',
  OFFLINEDATAFLD_CREATE_TIME: '2026-01-02T03:04:05.000Z',
  OFFLINEDATAFLD_START_TIME: '2026-01-02T00:00:00.000Z',
  OFFLINEDATAFLD_END_TIME: '2026-01-09T00:00:00.000Z',
  OFFLINEDATAFLD_EVENT_WINDOW: '100',
  OFFLINEDATAFLD_EVENT_COUNTER: '9223372036854775808',
};

beforeAll(async () => {
  world = await startSoap({});
});
afterAll(() => world.stop());
beforeEach(() => {
  world.reached.length = 0;
  Object.assign(world.answers, {
    sessionCaller: caller,
    offlineOfUser: [view],
    revokeOfflineOfUser: 1,
  });
});

const session = `<sessionID>${sessionId}</sessionID>`;
const viewCommand = '<cmd>OFFLINEDATACMD_VIEW</cmd>';
const deletion = '<cmd>OFFLINEDATACMD_DELETE</cmd>';

function setOf(attributes: Readonly<Record<string, string>>): string {
  const inside = Object.entries(attributes).map(
    ([id, value]) =>
      `<attributes><value xsi:type="xsd:string">${value}</value><attributeID>OFFLINEDATAFLD_${id}</attributeID></attributes>`,
  );
  return `<attributeSet>${inside.join('')}</attributeSet>`;
}

function send(...parts: readonly string[]): Promise<SoapAnswer> {
  const operation = `<a:offlinedataExecute>${parts.join('')}</a:offlinedataExecute>`;
  return world.post(envelope(operation, administration));
}

const joe = setOf({ USERID: 'joe' });
const methods = (): readonly string[] => world.reached.map(({ method }) => method);

it('shows what a workstation has of a user, as the administrator of the session', async () => {
  const answer = await send(session, viewCommand, joe);
  expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
  expect(attributesOf(answer)).toEqual(shown);
  expect(answer.body).toContain(
    '<ADMIN-TYPES:offlinedataExecuteResponse><results xsi:type="ADMIN-TYPES:OfflineDataResults">',
  );
  expect(answer.body).toContain('<value xsi:type="xsd:dateTime">2026-01-09');
  expect(answer.body).toContain('<value xsi:type="xsd:unsignedLong">9223372036854775808');
  const [asked, looked] = world.reached;
  expect(asked).toMatchObject({ method: 'sessionCaller' });
  expect(asked?.args.slice(0, 2)).toEqual([sessionId, '127.0.0.1']);
  expect(looked?.args).toEqual([
    caller,
    null,
    'joe',
    { agentName: null, componentType: null, serial: null, applicationName: null },
  ]);
  world.answers.offlineOfUser = [{ ...view, kind: 'time' }];
  expect(attributesOf(await send(session, viewCommand, joe))).not.toHaveProperty(
    'OFFLINEDATAFLD_EVENT_COUNTER',
  );
});

it('lists several, each in a list of its own', async () => {
  world.answers.offlineOfUser = [view, { ...view, agentName: 'pc-2' }];
  const { content, body } = await send(session, viewCommand, joe);
  const set = at(content, 'results', 'resultAttribute')!;
  expect(set.children.map(({ local }) => local)).toEqual(['attributeList', 'attributeList']);
  const locations = set.children.map((list) => at(list.children[3]!, 'value')!.text);
  expect(locations).toEqual(['pc-1', 'pc-2']);
  expect(body).toContain('<attributeList xsi:type="ADMIN-TYPES:OfflineDataAttributeList">');
});

it('deletes what is named, and says so with an empty set that has a type', async () => {
  const named = setOf({
    USERID: 'joe',
    DOMAIN: 'sales',
    COMPONENT_TYPE: 'desk',
    COMPONENT_LOCATION: 'PC-1',
    SERIALNO: 'VT00000001',
    APPLNAME: 'otp',
  });
  const answer = await send(named, deletion, session);
  expect(codesOf(answer)).toEqual(['RET_SUCCESS', 'STAT_SUCCESS', '0', '0']);
  expect(answer.body).toContain(
    '<resultAttribute xsi:type="ADMIN-TYPES:OfflineDataAttributeSet"/>',
  );
  expect(methods()).toEqual(['sessionCaller', 'revokeOfflineOfUser']);
  expect(world.reached[1]?.args).toEqual([
    caller,
    'sales',
    'joe',
    { agentName: 'PC-1', componentType: 'desk', serial: 'VT00000001', applicationName: 'otp' },
  ]);
});

it.each([
  [viewCommand, { offlineOfUser: [] }],
  [deletion, { revokeOfflineOfUser: 0 }],
  [viewCommand, { offlineOfUser: new TallystickError('not-found', 'The user does not exist.') }],
])('finds nothing by %s %j', async (command, answers) => {
  Object.assign(world.answers, answers);
  const answer = await send(session, command, joe);
  expect(codesOf(answer)).toEqual(['RET_FAILURE', 'STAT_NOT_FOUND', '-1', '-13']);
  expect(attributesOf(answer)).toEqual({});
  expect(at(answer.content, 'results', 'errorStack', 'errors', 'errorDesc')?.text).not.toBe('');
});

it('is for who has signed in, and may do it', async () => {
  world.answers.sessionCaller = null;
  expect(codesOf(await send(session, deletion, joe))).toEqual([
    'RET_FAILURE',
    'STAT_ADMIN_SESSION_STOPPED',
    '-1',
    '-140',
  ]);
  expect(methods()).toEqual(['sessionCaller']);
  world.answers.sessionCaller = caller;
  world.answers.revokeOfflineOfUser = new TallystickError('forbidden', 'no');
  expect(codesOf(await send(session, deletion, joe))[1]).toBe('STAT_PERMISSION');
});

it.each([
  ['no session', [deletion, joe], 'STAT_MISSINGFLD'],
  ['an empty session', ['<sessionID/>', deletion, joe], 'STAT_MISSINGFLD'],
  ['no command', [session, joe], 'STAT_MISSINGFLD'],
  ['another command', [session, '<cmd>OFFLINEDATACMD_CREATE</cmd>', joe], 'STAT_INVDATA'],
  ['no user', [session, deletion, setOf({ DOMAIN: 'sales' })], 'STAT_MISSINGFLD'],
  ['a user with a line break', [session, deletion, setOf({ USERID: 'a&#10;b' })], 'STAT_INVDATA'],
  [
    'what only comes back',
    [session, deletion, setOf({ USERID: 'joe', END_TIME: '2026-01-09T00:00:00Z' })],
    'STAT_INVDATA',
  ],
  [
    'what nobody knows',
    [session, deletion, setOf({ USERID: 'joe', SERNO: 'VT00000001' })],
    'STAT_INVDATA',
  ],
  [
    'all but one',
    [
      session,
      deletion,
      setOf({ USERID: 'joe' }).replace(
        '<value',
        '<attributeOptions><negative>true</negative></attributeOptions><value',
      ),
    ],
    'STAT_INVDATA',
  ],
] as const)('refuses %s, and asks nobody', async (_what, parts, status) => {
  expect(codesOf(await send(...parts))[1]).toBe(status);
  expect(world.reached).toEqual([]);
});

it.each([
  ['no set', [session, deletion]],
  ['two sets', [session, deletion, joe, joe]],
  ['two commands', [session, deletion, viewCommand, joe]],
  ['something else', [session, deletion, joe, '<force>true</force>']],
  [
    'an attribute that is there twice',
    [session, deletion, joe.replace(/(<attributes>.*<\/attributes>)/, '$1$1')],
  ],
] as const)('is a fault with %s', async (_what, parts) => {
  const fault = faultOf(await send(...parts));
  expect(fault?.[0]).toBe('SOAP-ENV:Client');
  expect(fault?.[1]).not.toContain('joe');
  expect(world.reached).toEqual([]);
});
