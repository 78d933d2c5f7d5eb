import type { EmergencyReport } from '../../domain/emergency-reports.ts';
import { judgeChain, lostLinesMax, type ReportedLine } from '../../domain/offline-chain.ts';
import { type OfflineAgent, standingStates } from '../../domain/offline.ts';
import { reconcile, type Reconciliation } from '../../domain/reconciliation.ts';
import { TallystickError } from '../../errors.ts';
import { administer, type Desk, doneEntry, type Proposal } from '../administration/desk.ts';
import { auditEntry } from '../audit-entries.ts';
import { sha256Hex, uuidV7 } from '../identifiers.ts';
import type { AgentProof, SignedAcknowledgement } from '../offline-api.ts';
import type { OfflineAcknowledgement, OfflineReportDocument } from '../ports.ts';
import { invalidMember } from '../problems.ts';
import type { AuditEntry } from '../store.ts';
import { emergencyReportOf, useEntries } from './emergency.ts';
import { agentSubject } from './enrol.ts';
import { formatOf, readOffline, signingKeyOf, signOffline } from './format.ts';
import { knownOf } from './known.ts';
import { readLines } from './lines.ts';
import { presentAgent, requireAgent } from './proof.ts';
import { packagesReadMax } from './subject.ts';

const action = 'offline.report';
const what = 'The report';

interface Reported {
  readonly document: OfflineReportDocument;
  readonly lines: readonly ReportedLine[];
  /** Hex of the SHA-256 of the report as it came. */
  readonly digest: string;
}

/**
 * Takes over what an agent did without a server. The same report again gets the same answer.
 *
 * @throws TallystickError `request-invalid` for what is no report or does not continue the log, `conflict`
 *   (reason `report-id-reused` or `report-gap`), and see `Offline`
 */
export async function report(desk: Desk, proof: AgentProof): Promise<SignedAcknowledgement> {
  const agent = await requireAgent(desk, proof);
  const format = formatOf(desk.context);
  const document = readOffline('report', () => format.readReport(proof.body));
  if (document.agentId !== agent.id) {
    throw invalidMember('agentId', 'must be that of the workstation which shows its key');
  }
  const digest = sha256Hex(proof.body);
  const before = await answeredBefore(desk, agent, document, digest);
  if (before !== null) return before;
  // Before the key is wound on to where it begins.
  const lost = document.from - 1 - agent.acknowledgedThrough;
  if (lost > (agent.isGapAccepted ? lostLinesMax : 0)) throw gap();
  const lines = await readLines(desk.context, agent, document);
  if (lines === null) return refuseForged(desk, agent, document);
  try {
    return await takeOver(desk, agent.id, { document, lines, digest });
  } catch (error) {
    // The same report, at the same moment.
    const meanwhile = await answeredBefore(desk, agent, document, digest);
    if (meanwhile !== null) return meanwhile;
    throw error;
  }
}

async function answeredBefore(
  { context }: Desk,
  agent: OfflineAgent,
  { reportId }: OfflineReportDocument,
  digest: string,
): Promise<SignedAcknowledgement | null> {
  const stored = await context.store.offlineReportById(reportId);
  if (stored === null) return null;
  if (stored.agentId === agent.id && stored.digest === digest) {
    return { payload: stored.payload, signature: stored.signature };
  }
  throw new TallystickError('conflict', 'Another report was answered under this id.', {
    fields: { reason: 'report-id-reused' },
  });
}

function gap(): TallystickError {
  const message = 'Lines before this report are missing here: report from an earlier one on.';
  return new TallystickError('conflict', message, { fields: { reason: 'report-gap' } });
}

async function refuseForged(
  desk: Desk,
  agent: OfflineAgent,
  { from, lines }: OfflineReportDocument,
): Promise<never> {
  const audit = auditEntry(desk.caller, desk.nowMs, {
    action,
    outcome: 'report-forged',
    subject: agentSubject(agent),
    details: { from, lines: lines.length },
  });
  await administer(desk, what, null, () => ({ changes: [], audit }));
  throw invalidMember('lines', 'must continue the log: a MAC does not fit');
}

async function takeOver(
  desk: Desk,
  agentId: string,
  reported: Reported,
): Promise<SignedAcknowledgement> {
  let answer: SignedAcknowledgement = { payload: new Uint8Array(), signature: new Uint8Array() };
  await administer(desk, what, null, async () => {
    const turn = await desk.context.store.offlineTurn('offlineAgent', agentId);
    const agent = await presentAgent(desk, agentId);
    const concluded = await conclude(desk, agent, reported);
    answer = await signed(desk, agent, reported, concluded.says);
    const record = {
      id: reported.document.reportId,
      agentId,
      digest: reported.digest,
      through: concluded.says.through,
      receivedAtMs: desk.nowMs,
      ...answer,
      version: 1,
    };
    const { proposal } = concluded;
    return {
      ...proposal,
      changes: [
        // The answer names every package that stands, so none may be made for it meanwhile.
        {
          change: 'take-turn',
          of: 'offlineAgent',
          id: agentId,
          expectedVersion: agent.version,
          turn,
        },
        ...proposal.changes,
        { change: 'insert', kind: 'offlineReport', record },
      ],
    };
  });
  return answer;
}

type Says = Pick<OfflineAcknowledgement, 'agentState' | 'through' | 'head' | 'packageIds'>;

interface Concluded {
  readonly proposal: Proposal;
  readonly says: Says;
}

async function conclude(desk: Desk, agent: OfflineAgent, reported: Reported): Promise<Concluded> {
  const { document, lines } = reported;
  const verdict = judgeChain(agent, document, lines, await storedHeads(desk, agent, document));
  switch (verdict.kind) {
    case 'gap':
      throw gap();
    case 'fork':
      return revoked(desk, agent, reported, 'fork', { atLine: verdict.n });
    case 'roll-back':
      return revoked(desk, agent, reported, 'roll-back', {
        acknowledgedThrough: agent.acknowledgedThrough,
      });
    case 'continues': {
      const known = await knownOf(desk, agent, document, verdict.fresh);
      const outcome = reconcile(document, verdict.fresh, known, desk.nowMs);
      const emergency = await emergencyReportOf(desk, verdict.fresh, known);
      const uses = useEntries(desk, agent, emergency, known);
      return continued(desk, agent, reported, {
        outcome,
        emergency,
        uses,
        fresh: verdict.fresh,
        lost: verdict.lost,
      });
    }
  }
}

/** Heads of lines that the report may repeat, and of the one before them. */
async function storedHeads(
  { context }: Desk,
  agent: OfflineAgent,
  { from, lines }: OfflineReportDocument,
): Promise<ReadonlyMap<number, string>> {
  if (from - 1 === agent.acknowledgedThrough) return new Map();
  const first = Math.max(1, from - 1);
  const events = await context.store.offlineEvents(agent.id, first, lines.length + 2);
  return new Map(events.map(({ n, head }) => [n, head]));
}

/** What the new lines of a report come to. */
interface Taken {
  readonly outcome: Reconciliation;
  readonly emergency: EmergencyReport;
  readonly uses: readonly AuditEntry[];
  readonly fresh: readonly ReportedLine[];
  /** How many lines before them nobody will ever see. */
  readonly lost: number;
}

function continued(
  desk: Desk,
  agent: OfflineAgent,
  { document }: Reported,
  taken: Taken,
): Concluded {
  const { outcome, emergency, fresh, lost } = taken;
  const { nowMs, context } = desk;
  const last = fresh.at(-1);
  // Behind lines that are lost the chain stands where the report says; the MACs of its lines cover that.
  const before =
    lost === 0
      ? { n: agent.acknowledgedThrough, head: agent.head }
      : { n: document.from - 1, head: document.headBefore };
  const { n: through, head } = last ?? before;
  const set = { acknowledgedThrough: through, head, lastSeenAtMs: nowMs, isGapAccepted: false };
  return {
    says: { agentState: 'active', through, head, packageIds: outcome.standing },
    proposal: {
      changes: [
        updated(agent, set),
        ...outcome.packages.map(
          ({ id, version, set: state }) =>
            ({
              change: 'update',
              kind: 'offlinePackage',
              id,
              expectedVersion: version,
              set: state,
            }) as const,
        ),
        ...outcome.applications.map((each) => ({ change: 'raise-application', ...each }) as const),
        ...outcome.users.map((each) => ({ change: 'raise-user', ...each }) as const),
        ...emergency.raises.map((each) => ({ change: 'raise-emergency', ...each }) as const),
        ...outcome.releases.map((each) => ({ change: 'release', ...each }) as const),
        ...(lost === 0 ? [] : [gapMark(desk, agent, document)]),
        ...outcome.events.map((each) => {
          const id = uuidV7(nowMs, context.randomBytes);
          const { reportId } = document;
          const record = { ...each, id, agentId: agent.id, reportId, version: 1 };
          return { change: 'insert', kind: 'offlineEvent', record } as const;
        }),
      ],
      audit: [
        doneEntry(desk, action, agentSubject(agent), {
          reportId: document.reportId,
          through,
          ...(lost === 0 ? {} : { lostFrom: document.from - lost, lostThrough: document.from - 1 }),
          ...factsOf(taken),
        }),
        ...taken.uses,
      ],
    },
  };
}

/** In place of the last line that is lost: by its head the same lines are known when they come again. */
function gapMark(
  { context, nowMs }: Desk,
  agent: OfflineAgent,
  { from, headBefore, reportId }: OfflineReportDocument,
): Proposal['changes'][number] {
  const record = {
    id: uuidV7(nowMs, context.randomBytes),
    agentId: agent.id,
    n: from - 1,
    packageId: null,
    applicationId: null,
    kind: 'gap',
    index: null,
    atMs: nowMs,
    reportId,
    isDuplicate: false,
    head: headBefore,
    version: 1,
  };
  return { change: 'insert', kind: 'offlineEvent', record };
}

/** What an auditor looks for; never what was shown. */
function factsOf({ outcome, emergency, fresh }: Taken): AuditEntry['details'] {
  const { accepted, duplicates, failures, ignored, packages, releases } = outcome;
  const alarms = ['locked', 'clock-back', 'damaged', 'rolled-back'].map((kind) => [
    kind,
    fresh.filter((line) => line.kind === kind).length,
  ]);
  return {
    lines: fresh.length,
    accepted,
    duplicates,
    failures,
    ignored,
    emergencyUsed: emergency.uses.length,
    emergencyRefused: emergency.refused,
    emergencyIgnored: emergency.ignored,
    released: releases.length,
    packagesRevoked: packages.filter(({ set }) => set.state === 'revoked').length,
    ...(Object.fromEntries(alarms.filter(([, count]) => count !== 0)) as AuditEntry['details']),
  };
}

async function revoked(
  desk: Desk,
  agent: OfflineAgent,
  { document, lines }: Reported,
  reason: 'fork' | 'roll-back',
  facts: AuditEntry['details'],
): Promise<Concluded> {
  const { acknowledgedThrough: through, head } = agent;
  return {
    says: { agentState: 'revoked', through, head, packageIds: [] },
    proposal: {
      changes: await revocationOf(desk, agent, reason),
      audit: auditEntry(desk.caller, desk.nowMs, {
        action,
        outcome: reason,
        subject: agentSubject(agent),
        details: {
          reportId: document.reportId,
          from: document.from,
          lines: lines.length,
          ...facts,
        },
      }),
    },
  };
}

/** An agent that is revoked, and all that it was given. */
export async function revocationOf(
  { context }: Desk,
  agent: OfflineAgent,
  reason: string,
): Promise<Proposal['changes']> {
  const packages = await context.store.offlinePackagesOfAgent(agent.id, packagesReadMax);
  return [
    updated(agent, { state: 'revoked', revokedFor: reason }),
    ...packages
      .filter(({ state }) => standingStates.includes(state))
      .map(
        ({ id, version }) =>
          ({
            change: 'update',
            kind: 'offlinePackage',
            id,
            expectedVersion: version,
            set: { state: 'revoked' },
          }) as const,
      ),
  ];
}

function updated(
  { id, version }: OfflineAgent,
  set: Partial<Omit<OfflineAgent, 'id' | 'version'>>,
): Proposal['changes'][number] {
  return { change: 'update', kind: 'offlineAgent', id, expectedVersion: version, set };
}

async function signed(
  { context, nowMs }: Desk,
  agent: OfflineAgent,
  { document: { reportId } }: Reported,
  says: Says,
): Promise<SignedAcknowledgement> {
  const format = formatOf(context);
  const kid = sha256Hex(await signingKeyOf(context));
  const payload = format.writeAcknowledgement({
    kid,
    agentId: agent.id,
    reportId,
    ...says,
    serverTimeMs: nowMs,
  });
  return { payload, signature: await signOffline(context, format.acknowledgementMessage(payload)) };
}
