import { isStanding, type OfflineSubject, type OfflineTerms } from '../../domain/offline-plan.ts';
import { isMadeFor, standsStill } from '../../domain/offline-standing.ts';
import type { OfflineAgent, OfflinePackage, RetrievalHandle } from '../../domain/offline.ts';
import { TallystickError } from '../../errors.ts';
import { algorithmText } from '../../oath/index.ts';
import {
  administer,
  type Desk,
  doneEntry,
  isConflict,
  notFound,
  type Proposal,
} from '../administration/desk.ts';
import { sessionIdSha256, sha256Hex, uuidV7 } from '../identifiers.ts';
import type { AgentProof } from '../offline-api.ts';
import type { OfflineHeader } from '../ports.ts';
import { emergencyForPackage } from '../emergency/package.ts';
import { agentSubject } from './enrol.ts';
import { drawChallenges, fillPackage } from './entries.ts';
import { formatOf, offlineMac, signingKeyOf, signOffline } from './format.ts';
import { presentAgent, requireAgent } from './proof.ts';
import { noteRefusal } from './refusal.ts';
import {
  circumstancesOf,
  packageFor,
  packagesReadMax,
  policyHashOf,
  prospectOf,
} from './subject.ts';

/** What a try of a PIN costs at the workstation (RFC 7914): 64 MiB, a sixth of a second. */
const slowHash = { algorithm: 'scrypt', n: 2 ** 16, r: 8, p: 1 } as const;
const packageNotFound = 'The handle';
/** Of one authenticator or workstation, at all instances together. */
const fetchesAtOnceMax = 64;

/**
 * Makes the package that a handle is good for, once. The handle goes in the change that writes the package
 * down, or when others were in the way too often; nothing is handed out that is not written. Whoever asks without one is in the audit.
 *
 * @param serving the handles that are worked on in this process, by the workstations that showed them: each
 *   makes one package at a time, or showing one handle often at once would multiply the tries
 * @throws TallystickError see `Offline.fetchPackage`
 */
export async function fetchPackage(
  desk: Desk,
  proof: AgentProof,
  handleText: string,
  serving: Set<string>,
): Promise<Uint8Array> {
  const known = await requireAgent(desk, proof);
  const claim = `${known.id} ${handleText}`;
  if (serving.has(claim)) {
    const message =
      'The package of this handle is being made for another request: wait for its answer, or log on again for another handle.';
    throw new TallystickError('conflict', message, { fields: { reason: 'handle-in-use' } });
  }
  serving.add(claim);
  try {
    return await makeWithin(desk, known, handleText);
  } finally {
    serving.delete(claim);
  }
}

async function makeWithin(
  desk: Desk,
  known: OfflineAgent,
  handleText: string,
): Promise<Uint8Array> {
  let made: Uint8Array = new Uint8Array();
  let tried: RetrievalHandle | null = null;
  const propose = async (): Promise<Proposal> => {
    const agent = await presentAgent(desk, known.id);
    tried = await requireHandle(desk, agent, handleText);
    const { bytes, proposal } = await makePackage(desk, agent, tried);
    made = bytes;
    return proposal;
  };
  try {
    await administer(desk, packageNotFound, null, propose, fetchesAtOnceMax);
  } catch (error) {
    // Each try made a whole package: a workstation that is in its own way gets no more of them by asking again.
    if (isConflict(error)) await noteRefusal(desk, known, 'handle-spent', tried);
    throw error;
  }
  return made;
}

async function requireHandle(
  desk: Desk,
  agent: OfflineAgent,
  text: string,
): Promise<RetrievalHandle> {
  const id = sessionIdSha256(text);
  const handle = id === null ? null : await desk.context.store.retrievalHandleById(id);
  if (handle?.agentId === agent.id && desk.nowMs < handle.expiresAtMs) return handle;
  throw await unknownHandle(desk, agent);
}

async function unknownHandle(desk: Desk, agent: OfflineAgent): Promise<TallystickError> {
  await noteRefusal(desk, agent, 'handle-unknown');
  return notFound(packageNotFound);
}

async function makePackage(
  desk: Desk,
  agent: OfflineAgent,
  handle: RetrievalHandle,
): Promise<{ readonly bytes: Uint8Array; readonly proposal: Proposal }> {
  // Before what the limits are counted in.
  const turns = await turnsOf(desk, handle);
  const { planning, subject, circumstances, packages } = await prospectOf(desk, agent, handle);
  const { owner } = circumstances;
  // The workstation would bind it to what was typed: a PIN or password that is good no more, or is not asked for.
  const isAsked = desk.standing.policy.offlineRequirePassword || handle.passwordVersion === null;
  if (subject !== null && !(isAsked && isMadeFor(handle, subject))) {
    throw await unknownHandle(desk, agent);
  }
  if (planning.kind === 'refused' || subject === null || owner === null) {
    const reason = planning.kind === 'refused' ? planning.reason : 'not-serving';
    await noteRefusal(desk, agent, reason);
    const message = `There is no package: ${reason}.`;
    throw new TallystickError('policy-refused', message, { fields: { reason } });
  }
  const { terms } = planning;
  const sequence = await nextSequence(desk, agent, handle);
  // Codes before the package: when it comes to nothing, the next one holds them.
  const wanted = packageFor(desk, subject, owner);
  const codes = await emergencyForPackage(desk.context, wanted, terms.notAfterMs);
  const emergency = codes.map((each) => each.terms);
  const header = { ...(await headerOf(desk, agent, subject, terms, sequence)), emergency };
  const emergencyCodes = codes.map(({ code }) => code);
  const bytes = await writePackage(desk, agent, subject, header, emergencyCodes);
  const record = recordOf(desk, handle, subject, header);
  // It took a while: a PIN that was reset meanwhile is good nowhere any more.
  const present = await circumstancesOf(desk.context, handle, agent, desk.standing.policy);
  if (!standsStill(record, present, desk.nowMs)) throw await unknownHandle(desk, agent);
  const replaced = packages.filter(
    (each) =>
      each.agentId === agent.id &&
      each.applicationId === handle.applicationId &&
      isStanding(each, desk.nowMs),
  );
  return { bytes, proposal: proposalOf(desk, { agent, handle, subject, record, replaced, turns }) };
}

/**
 * Rises for ever, also when the rows of old packages went with their user: an agent takes no lower one.
 */
async function nextSequence(
  { context, nowMs }: Desk,
  agent: OfflineAgent,
  { applicationId }: RetrievalHandle,
): Promise<number> {
  const all = await context.store.offlinePackagesOfApplication(applicationId, packagesReadMax);
  const own = all.filter(({ agentId }) => agentId === agent.id);
  return Math.max(Math.floor(nowMs / 1000), ...own.map(({ sequence }) => sequence + 1));
}

async function headerOf(
  { context, standing: { policy }, configuration, nowMs }: Desk,
  agent: OfflineAgent,
  { user, authenticator, application }: OfflineSubject,
  terms: OfflineTerms,
  sequence: number,
): Promise<Omit<OfflineHeader, 'emergency'>> {
  const format = formatOf(context);
  return {
    v: 1,
    kid: sha256Hex(await signingKeyOf(context)),
    packageId: uuidV7(nowMs, context.randomBytes),
    agentId: agent.id,
    agentKeyId: agent.fingerprint,
    userId: user.id,
    userName: user.userName,
    domainName: configuration.domainById(user.domainId)?.name ?? '',
    serial: authenticator.serial,
    applicationName: application.name,
    algorithm: algorithmText(application.algorithm),
    ...terms,
    windowBackSteps: policy.offlineWindowBackSteps,
    windowForwardSteps: policy.offlineWindowForwardSteps,
    lookAhead: policy.offlineLookAheadSteps,
    sequence,
    issuedAtMs: nowMs,
    failuresMax: policy.offlineFailuresMax,
    warnDays: policy.offlineWarnDays,
    warnEvents: policy.offlineWarnEvents,
    clockBackMaxSeconds: policy.offlineClockBackMaxSeconds,
    // What it holds was measured by where this agent keeps its secret: no weaker place will do.
    keyMode: agent.keyMode,
    kdf: { ...slowHash, salt: format.newSalt() },
    policyHash: policyHashOf(policy),
  };
}

async function writePackage(
  { context, standing: { policy } }: Desk,
  agent: OfflineAgent,
  subject: OfflineSubject,
  header: OfflineHeader,
  emergencyCodes: readonly string[],
): Promise<Uint8Array> {
  const format = formatOf(context);
  const { first, last } = format.blockRange(header);
  const challenges = await drawChallenges(context, subject, last - first + 1, policy);
  const packageKey = await offlineMac(context, format.packageKeyMessage(header));
  const secrets = { challenges, emergencyCodes };
  const builder = format.buildPackage(header, secrets, packageKey, agent.publicKey);
  try {
    await fillPackage(context, builder, header, subject, challenges);
    const message = builder.toSign();
    return builder.finish(await signOffline(context, message));
  } finally {
    builder.discard();
  }
}

function recordOf(
  { nowMs }: Desk,
  { agentId, userId, authenticatorId, applicationId, passwordVersion }: RetrievalHandle,
  { authenticator, application }: OfflineSubject,
  header: OfflineHeader,
): OfflinePackage {
  return {
    id: header.packageId,
    agentId,
    userId,
    authenticatorId,
    applicationId,
    sequence: header.sequence,
    kind: header.kind,
    eventMode: header.eventMode,
    first: header.first,
    count: header.count,
    notBeforeMs: header.notBeforeMs,
    notAfterMs: header.notAfterMs,
    eventsMax: header.eventsMax,
    eventsUsed: 0,
    policyHash: header.policyHash,
    assignmentVersion: authenticator.assignmentVersion,
    pinVersion: application.pin.version,
    passwordVersion,
    epoch: application.epoch,
    emergencyCodeIds: header.emergency.map(({ codeId }) => codeId),
    state: 'issued',
    silentAtMs: null,
    createdAtMs: nowMs,
    version: 1,
  };
}

function proposalOf(
  desk: Desk,
  {
    agent,
    handle,
    subject: { user, authenticator, application },
    record,
    replaced,
    turns,
  }: {
    readonly agent: OfflineAgent;
    readonly handle: RetrievalHandle;
    readonly subject: OfflineSubject;
    readonly record: OfflinePackage;
    readonly replaced: readonly OfflinePackage[];
    readonly turns: Turns;
  },
): Proposal {
  const { id, applicationId, epoch, first, count, kind, notAfterMs, eventsMax } = record;
  const domainName = desk.configuration.domainById(user.domainId)?.name ?? '';
  return {
    changes: [
      ...alone(agent, authenticator, turns),
      { change: 'delete', kind: 'retrievalHandle', id: handle.id, expectedVersion: handle.version },
      ...replaced.map(
        (each) =>
          ({
            change: 'update',
            kind: 'offlinePackage',
            id: each.id,
            expectedVersion: each.version,
            set: { state: 'superseded' },
          }) as const,
      ),
      { change: 'insert', kind: 'offlinePackage', record },
      ...(record.eventMode === 'reserved'
        ? [
            {
              change: 'reserve',
              applicationId,
              epoch,
              from: first,
              to: first + BigInt(count),
            } as const,
          ]
        : []),
    ],
    audit: doneEntry(desk, 'offline.package.issue', `${domainName}/${user.userName}`, {
      packageId: id,
      workstation: agentSubject(agent),
      serial: authenticator.serial,
      application: application.name,
      kind,
      first: first.toString(),
      count,
      notAfterMs,
      eventsMax,
    }),
  };
}

/** How often packages were made of an authenticator, and made for or told of by a workstation. */
interface Turns {
  readonly authenticator: number;
  readonly agent: number;
}

async function turnsOf(
  { context: { store } }: Desk,
  { authenticatorId, agentId }: RetrievalHandle,
): Promise<Turns> {
  return {
    authenticator: await store.offlineTurn('authenticator', authenticatorId),
    agent: await store.offlineTurn('offlineAgent', agentId),
  };
}

/**
 * Limits count what is there: of two packages at once of one authenticator, or for one workstation, the
 * second finds the turn taken, and is counted anew. Both records are as they were read.
 */
function alone(
  agent: OfflineAgent,
  authenticator: OfflineSubject['authenticator'],
  turns: Turns,
): Proposal['changes'] {
  return [
    {
      change: 'take-turn',
      of: 'authenticator',
      id: authenticator.id,
      expectedVersion: authenticator.version,
      turn: turns.authenticator,
    },
    {
      change: 'take-turn',
      of: 'offlineAgent',
      id: agent.id,
      expectedVersion: agent.version,
      turn: turns.agent,
    },
  ];
}
