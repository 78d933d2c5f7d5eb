import { join } from 'node:path';
import type { Agent, Session } from './agent.ts';
import { brokenAgent } from './agent-error.ts';
import { isSetBack, ofThisStart, seen, trueTimeMs } from './clock.ts';
import { wipeStrays } from './entries-file.ts';
import { eraseWhatPassed } from './erase.ts';
import { takeLock } from './lock-file.ts';
import { headerOf } from './packages.ts';
import {
  type AgentState,
  type PackageState,
  readState,
  type StatePlace,
  withPackage,
  writeState,
} from './state.ts';

/** A slow hash and a slow module, several times over. */
const lockWaitMs = 30_000;

/**
 * Runs `work` while nobody else touches the state, after tidying up what a crash or time left over.
 *
 * @throws AgentError busy, damaged
 */
export async function withSession<Result>(
  agent: Agent,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const lock = await takeLock(agent.env, join(agent.folder, 'lock'), lockWaitMs);
  try {
    const session = await openSession(agent);
    await tidy(session);
    return await work(session);
  } finally {
    await lock.release();
  }
}

async function openSession(agent: Agent): Promise<Session> {
  const { env, folder, keys, config } = agent;
  const place: StatePlace = {
    files: env.files,
    folder,
    agentId: config.agentId,
    key: keys.stateKey,
  };
  const now = env.now();
  let state = ofThisStart(await readState(place), now);
  await destroyLeftOvers(agent, state);
  await requireNewest(keys, state);
  return {
    agent,
    now,
    nowMs: trueTimeMs(state, now),
    state: () => state,
    save: async (next) => {
      state = { ...next, counter: state.counter + 1 };
      await writeState(place, state);
      await keys.counter?.write(state.counter);
      await destroyLeftOvers(agent, state);
      state = { ...state, doomed: [] };
    },
  };
}

/** @throws AgentError damaged when the module has seen a later state, or its counter was taken away */
async function requireNewest({ counter }: Agent['keys'], state: AgentState): Promise<void> {
  if (counter === null) return;
  const reached = await counter.read();
  // Written after the first state that is saved, and before the second.
  const isGone = reached === null && state.counter > 1;
  if (!isGone && state.counter >= (reached ?? 0)) return;
  const has = isGone ? 'the counter is gone from the module' : `the module has seen ${reached}`;
  throw brokenAgent(`rolled-back: the state is number ${state.counter}, ${has}`);
}

/** A secret is doomed in the state before it is destroyed, so that a crash between loses neither. */
async function destroyLeftOvers({ env, folder, keys }: Agent, state: AgentState): Promise<void> {
  for (const label of state.doomed) await keys.destroySecret(label);
  const named = state.packages.flatMap(({ entries }) => entries?.name ?? []);
  await wipeStrays(env.files, folder, new Set(named));
}

/**
 * What time has run out for goes, and time moves on. By a clock that the server has not confirmed since the
 * start of the computer nothing has run out for good: it may have been set wrong.
 */
async function tidy(session: Session): Promise<void> {
  const { nowMs } = session;
  const before = session.state();
  if (isSetBack(before, nowMs, 0)) return;
  const isOver = (its: PackageState): boolean => nowMs >= headerOf(its).notAfterMs;
  let next = before;
  for (const each of before.anchor === null ? [] : before.packages) {
    if (each.entries === null || !isOver(each)) continue;
    next = withPackage(next, each.packageId, { entries: null, emergency: [] });
    next = { ...next, doomed: [...next.doomed, each.packageId] };
  }
  if (next !== before) await session.save(seen(next, nowMs));
  for (const each of session.state().packages) {
    if (!isOver(each)) await eraseWhatPassed(session, each);
  }
}
