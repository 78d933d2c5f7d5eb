import { credentialCommand, type Judged, readCredential } from './credential-set.ts';
import type { FieldReader } from './attributes.ts';
import type { Call, Operation } from './operation.ts';
import { dateTimeText } from './response.ts';
import { codesOfSuccess } from './result-codes.ts';
import type { SessionView } from '../service/api.ts';

/** The component type of every administrator's logon, whatever it says of itself. */
const administrationProgram = 'Administration Program';

/** logon: an administrator opens a session that is good from his address. */
export const logon: Operation = credentialCommand({
  interface: 'administration',
  name: 'logon',
  judge: signIn,
});

async function signIn(fields: FieldReader, call: Call): Promise<Judged> {
  const userName = fields.mandatoryText('CREDFLD_USERID');
  const domainName = fields.text('CREDFLD_DOMAIN');
  const credential = readCredential(fields);
  const problem = fields.problem();
  if (problem !== null) return problem;
  // Never the type that the program names: it would choose the policy that guards administrators.
  const caller = call.callerFor(administrationProgram);
  const answer = await call.service.logon(caller, { userName, domainName, credential });
  if (answer.outcome === 'refused') return { code: answer.code };
  const { session, sessionId, lastLogonAtMs } = answer;
  return {
    outcome: answer.outcome,
    codes: codesOfSuccess(answer.outcome),
    attributes: [
      ['CREDFLD_USERID', session.userName],
      ['CREDFLD_DOMAIN', session.domainName],
      ['CREDFLD_SESSION_ID', sessionId],
      ['CREDFLD_LOGICAL_ADMIN_PRIVILEGES', privilegesText(session.role)],
      ['CREDFLD_USER_LOCATION', session.peerAddress],
      ['CREDFLD_LAST_LOGON_TIME', lastLogonAtMs === null ? null : dateTimeText(lastLogonAtMs)],
      ['CREDFLD_PRODUCT_NAME', 'Tallystick'],
      ['CREDFLD_PRODUCT_VERSION', call.productVersion],
      ['CREDFLD_CONTROLLER_TYPE', 'HSM'],
    ],
  };
}

/** logoff: ends a session. */
export const logoff: Operation = credentialCommand({
  interface: 'administration',
  name: 'logoff',
  judge: (fields, { service, peerAddress, requestId }) =>
    judgeSession(fields, 'signed-out', (id) => service.logoff(id, peerAddress, requestId)),
});

/** sessionalive: whether a session is open; asking counts as using it. */
export const sessionAlive: Operation = credentialCommand({
  interface: 'administration',
  name: 'sessionalive',
  judge: (fields, { service, peerAddress }) =>
    judgeSession(fields, 'session-alive', (id) => service.sessionAlive(id, peerAddress)),
});

async function judgeSession(
  fields: FieldReader,
  outcome: 'signed-out' | 'session-alive',
  ask: (sessionId: string) => Promise<SessionView | null>,
): Promise<Judged> {
  const sessionId = fields.mandatoryText('CREDFLD_SESSION_ID');
  const problem = fields.problem();
  if (problem !== null) return problem;
  const session = await ask(sessionId);
  if (session === null) return { code: 'session-unknown' };
  return { outcome, codes: codesOfSuccess(outcome), attributes: [] };
}

type Role = SessionView['role'];

const all: readonly Role[] = ['admin', 'helpdesk', 'auditor'];
const desk: readonly Role[] = ['admin', 'helpdesk'];
const readers: readonly Role[] = ['admin', 'auditor'];
const alone: readonly Role[] = ['admin'];

/** What the roles may do, as programs show it; the use cases themselves decide. */
const privileges: readonly (readonly [string, readonly Role[]])[] = [
  ['VIEW_USER', all],
  ['CREATE_USER', alone],
  ['UPDATE_USER', alone],
  ['DELETE_USER', alone],
  ['UNLOCK_USER', desk],
  ['VIEW_DIGIPASS', all],
  ['ASSIGN_DIGIPASS', desk],
  ['UNASSIGN_DIGIPASS', desk],
  ['IMPORT_DIGIPASS', alone],
  ['UPDATE_DIGIPASS', alone],
  ['DELETE_DIGIPASS', alone],
  ['VIEW_POLICY', readers],
  ['UPDATE_POLICY', alone],
  ['VIEW_COMPONENT', readers],
  ['UPDATE_COMPONENT', alone],
  ['VIEW_AUDIT', readers],
];

/** Programs split it at comma and blank, then at the blank. */
function privilegesText(role: Role): string {
  return privileges.map(([name, roles]) => `${name} ${String(roles.includes(role))}`).join(', ');
}
