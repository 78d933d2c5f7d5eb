import { emptyHead } from '../../domain/offline-chain.ts';
import { isKeyModeEnough } from '../../domain/offline-plan.ts';
import type { OfflineAgent } from '../../domain/offline.ts';
import { administer, type Desk, doneEntry } from '../administration/desk.ts';
import { parseRecordName } from '../administration/values.ts';
import { uuidV7 } from '../identifiers.ts';
import type { AgentProof, EnrolledAgent, NewOfflineAgent } from '../offline-api.ts';
import { invalidMember } from '../problems.ts';
import { formatOf, notPermitted, offlineMac, readOffline, signingKeyOf } from './format.ts';
import { requireAgent, requireKeyHolder } from './proof.ts';

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
  if (!policy.offlineEnabled) throw notPermitted('The policy allows no logons without a server.');
  if (!isKeyModeEnough(keyMode, policy)) {
    throw notPermitted(`The policy wants secrets kept at least in mode ${policy.offlineKeyMode}.`);
  }
  const agent: OfflineAgent = {
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
    enrolledAtMs: nowMs,
    lastSeenAtMs: nowMs,
    version: 1,
  };
  const signingKey = await signingKeyOf(context);
  const logKey = await offlineMac(context, format.logKeyMessage(agent.id));
  const sealedLogKey = format.sealTo(publicKey, 'log', agent.id, logKey);
  logKey.fill(0);
  await administer(desk, 'A workstation with this key', null, () => ({
    changes: [{ change: 'insert', kind: 'offlineAgent', record: agent }],
    audit: doneEntry(desk, 'offline.agent.enrol', agentSubject(agent), {
      agentId: agent.id,
      fingerprint,
      keyMode,
      countsFailures,
    }),
  }));
  return { agentId: agent.id, signingKey, sealedLogKey, serverTimeMs: nowMs };
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
