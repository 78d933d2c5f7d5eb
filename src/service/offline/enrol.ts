import { emptyHead } from '../../domain/offline-chain.ts';
import { isKeyModeEnough } from '../../domain/offline-plan.ts';
import type { OfflineAgent } from '../../domain/offline.ts';
import { nameKey } from '../../domain/names.ts';
import { TallystickError } from '../../errors.ts';
import {
  administer,
  type Desk,
  doneEntry,
  isConflict,
  type Proposal,
} from '../administration/desk.ts';
import { parseRecordName } from '../administration/values.ts';
import { uuidV7 } from '../identifiers.ts';
import type { AgentProof, EnrolledAgent, NewOfflineAgent } from '../offline-api.ts';
import { invalidMember } from '../problems.ts';
import { formatOf, notPermitted, offlineMac, readOffline, signingKeyOf } from './format.ts';
import { requireActive, requireAgent, requireKeyHolder } from './proof.ts';

/** How audit events name a workstation. */
export function agentSubject({ name, id }: Pick<OfflineAgent, 'name' | 'id'>): string {
  return `workstation ${name} (${id})`;
}

/**
 * Takes a workstation in that shows that it has the key it brings.
 *
 * @throws TallystickError see `Offline.enrol`
 */
export async function enrol(
  desk: Desk,
  proof: AgentProof,
  given: NewOfflineAgent,
): Promise<EnrolledAgent> {
  const { context, nowMs, standing, caller } = desk;
  const format = formatOf(context);
  const { publicKey, keyMode, countsFailures } = given;
  const name = parseRecordName('name', given.name);
  const fingerprint = readOffline('publicKey', () => format.requireKey(publicKey));
  await requireKeyHolder(desk, proof, publicKey);
  const { policy } = standing;
  if (!policy.offlineEnabled) {
    throw notPermitted(
      'The policy of the component allows no logons without a server: an administrator may set offlineEnabled.',
    );
  }
  if (!isKeyModeEnough(keyMode, policy)) {
    throw notPermitted(
      `The policy of the component wants secrets kept at least in mode ${policy.offlineKeyMode}, not ` +
        `in mode ${keyMode}: enrol in that mode, or have an administrator change offlineKeyMode.`,
    );
  }
  const asked: OfflineAgent = {
    id: uuidV7(nowMs, context.randomBytes),
    name,
    componentType: caller.componentType,
    publicKey,
    fingerprint,
    keyMode,
    countsFailures,
    state: 'active',
    revokedFor: null,
    acknowledgedThrough: 0,
    head: emptyHead,
    isGapAccepted: false,
    enrolledAtMs: nowMs,
    lastSeenAtMs: nowMs,
    version: 1,
  };
  const signingKey = await signingKeyOf(context);
  const { id: agentId } = await recorded(desk, asked);
  const logKey = await offlineMac(context, format.logKeyMessage(agentId));
  const sealedLogKey = format.sealTo(publicKey, 'log', agentId, logKey);
  logKey.fill(0);
  return { agentId, signingKey, sealedLogKey, serverTimeMs: nowMs };
}

/**
 * The agent as it is in the database: this one, or the one that the same request made before, whose answer
 * may never have arrived.
 */
async function recorded(desk: Desk, asked: OfflineAgent): Promise<OfflineAgent> {
  const { store } = desk.context;
  const before = await store.offlineAgentByFingerprint(asked.fingerprint);
  if (before !== null) return repeated(desk, before, asked);
  try {
    await write(desk, asked, [{ change: 'insert', kind: 'offlineAgent', record: asked }]);
    return asked;
  } catch (error) {
    // The first of the two may be under way still.
    const other = isConflict(error)
      ? await store.offlineAgentByFingerprint(asked.fingerprint)
      : null;
    if (other === null) throw error;
    return repeated(desk, other, asked);
  }
}

/**
 * What is told again is the first key of a log. A workstation that has written one, or was given what it
 * will write about, has had it; told then, it would let whoever has the key write that log anew.
 */
async function repeated(
  desk: Desk,
  before: OfflineAgent,
  asked: OfflineAgent,
): Promise<OfflineAgent> {
  const anew = 'repeat that enrolment as it was, or enrol with a new key';
  if (nameKey(before.componentType) !== nameKey(asked.componentType)) {
    throw alreadyEnrolled('by another component: enrol with a new key');
  }
  requireActive(before);
  const { name, keyMode, countsFailures } = before;
  const isSame =
    name === asked.name && keyMode === asked.keyMode && countsFailures === asked.countsFailures;
  if (!isSame) throw alreadyEnrolled(`as ${name}, of key mode ${keyMode}: ${anew}`);
  // Every package and every report takes a turn of it, or writes to its row.
  const turn = await desk.context.store.offlineTurn('offlineAgent', before.id);
  if (before.version > 1 || turn > 0) {
    throw alreadyEnrolled('and was used: revoke it, and enrol with a new key');
  }
  await write(desk, before, []);
  return before;
}

function alreadyEnrolled(how: string): TallystickError {
  const message = `The workstation with this key is enrolled already, ${how}.`;
  return new TallystickError('conflict', message, { fields: { reason: 'exists' } });
}

function write(desk: Desk, agent: OfflineAgent, changes: Proposal['changes']): Promise<void> {
  const { id: agentId, fingerprint, keyMode, countsFailures } = agent;
  return administer(desk, 'A workstation with this key', null, () => ({
    changes,
    audit: doneEntry(desk, 'offline.agent.enrol', agentSubject(agent), {
      agentId,
      fingerprint,
      keyMode,
      countsFailures,
      isRepeated: changes.length === 0,
    }),
  }));
}

/** @throws TallystickError see `Offline.share` */
export async function share(desk: Desk, proof: AgentProof): Promise<Uint8Array> {
  const agent = await requireAgent(desk, proof);
  const { id, publicKey, keyMode } = agent;
  if (keyMode !== 'ram')
    throw invalidMember('agent', 'must be one that keeps its secret in memory');
  const format = formatOf(desk.context);
  // Before it leaves: with a copy of the disk nobody needs more to read what the workstation keeps.
  await administer(desk, 'The share', null, () => ({
    changes: [],
    audit: doneEntry(desk, 'offline.share', agentSubject(agent), { agentId: id }),
  }));
  const secret = await offlineMac(desk.context, format.shareMessage(id));
  try {
    return format.sealTo(publicKey, 'share', id, secret);
  } finally {
    secret.fill(0);
  }
}
