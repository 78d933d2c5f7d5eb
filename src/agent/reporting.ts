import { OfflineError } from '../offline/offline-error.ts';
import {
  type Acknowledgement,
  type HeldPackage,
  readAcknowledgement,
  reportLinesMax,
  writeReport,
} from '../offline/report.ts';
import { AgentError, brokenAgent } from './agent-error.ts';
import type { AgentApi } from './api.ts';
import { heard } from './clock.ts';
import type { Instant } from './env.ts';
import { acknowledged, noted, unseenLines } from './journal.ts';
import { headerOf, without } from './packages.ts';
import type { Agent, Session } from './agent.ts';
import { withSession } from './session.ts';
import type { AgentState } from './state.ts';

interface Written {
  readonly reportId: string;
  readonly bytes: Buffer;
  readonly held: readonly string[];
  readonly isLast: boolean;
  readonly askedAt: Instant;
}

/**
 * Tells the server what was done, and does what it answers: before any logon is sent to it, so that
 * nothing used here can be used there again.
 *
 * @returns how many lines went
 * @throws AgentError as the server cannot be reached or refuses, revoked, or damaged when what the server
 *   has is not what is here
 */
export async function report(agent: Agent, api: AgentApi): Promise<number> {
  let sent = 0;
  for (;;) {
    const written = await withSession(agent, writtenReport);
    const answer = await revocable(agent, () => api.report(written.bytes));
    const serverKey = Buffer.from(agent.config.serverKey, 'base64');
    const expected = { agentId: agent.config.agentId, reportId: written.reportId };
    const read = verified(() => readAcknowledgement(answer, serverKey, expected));
    sent += await withSession(agent, (session) => take(session, read, written));
    if (read.agentState === 'revoked') {
      throw new AgentError('revoked', 'the server has revoked this agent');
    }
    if (written.isLast) return sent;
  }
}

/** Runs a call; when the server answers that the agent is revoked, everything is destroyed. */
export async function revocable<Value>(agent: Agent, call: () => Promise<Value>): Promise<Value> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof AgentError && error.code === 'revoked') {
      await withSession(agent, (session) => session.save(revoked(session.state())));
    }
    throw error;
  }
}

function verified(read: () => Acknowledgement): Acknowledgement {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OfflineError)) throw error;
    throw new AgentError('untrusted', `the answer to the report: ${error.message}`);
  }
}

async function writtenReport({ agent, state, now }: Session): Promise<Written> {
  const { acknowledged: last, packages, lines } = state();
  const reportId = agent.env.randomUuid();
  const bytes = writeReport({
    reportId,
    agentId: agent.config.agentId,
    from: last.n + 1,
    headBefore: Buffer.from(last.head, 'base64').toString('hex'),
    lines: unseenLines(state(), reportLinesMax),
    packages: packages.map(({ packageId, status, entries, eventsUsed }): HeldPackage => {
      const isOpen = status === 'installed' ? 'installed' : 'locked';
      return { packageId, state: entries === null ? 'wiped' : isOpen, eventsUsed };
    }),
    clockMs: Math.max(0, now.clockMs),
    bootMs: now.bootMs,
    bootId: now.bootId,
  });
  const held = packages.map(({ packageId }) => packageId);
  const isLast = lines.length <= reportLinesMax;
  return Promise.resolve({ reportId, bytes, held, isLast, askedAt: now });
}

async function take(
  session: Session,
  answer: Acknowledgement,
  { held, askedAt }: Written,
): Promise<number> {
  const before = session.state();
  if (answer.agentState === 'revoked') {
    await session.save(revoked(before));
    return 0;
  }
  // Another process has reported meanwhile.
  const isOlder = answer.through < before.acknowledged.n;
  const next = isOlder ? before : acknowledged(before, answer.through, answer.head);
  if (next === null) {
    await session.save(rolledBack(session));
    throw brokenAgent('rolled-back: the server has seen more than is here');
  }
  const gone = held.filter((packageId) => !answer.packageIds.includes(packageId));
  const known = next.packages.filter(({ packageId }) => gone.includes(packageId));
  let left = heard(next, answer.serverTimeMs, askedAt, session.now);
  for (const its of known) {
    const { packageId } = its;
    const kind = headerOf(its).eventMode === 'reserved' ? 'released' : 'removed';
    left = noted(left, session.now, { kind, packageId });
  }
  await session.save(
    without(
      left,
      known.map(({ packageId }) => packageId),
    ),
  );
  return before.lines.length - next.lines.length;
}

function revoked(state: AgentState): AgentState {
  const ids = state.packages.map(({ packageId }) => packageId);
  return { ...without(state, ids), isRevoked: true };
}

/** Nothing of a past that the server knows better is used any more. */
function rolledBack({ state, now }: Session): AgentState {
  const ids = state().packages.map(({ packageId }) => packageId);
  return without(noted(state(), now, { kind: 'rolled-back', packageId: null }), ids);
}
