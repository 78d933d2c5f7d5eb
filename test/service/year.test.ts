import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { type HsmModule, openModule } from '../../hsm/index.ts';
import type { Caller } from '../../src/service/index.ts';
import { initialisedSoftHsm } from '../hsm/support.ts';
import { type Bench, openBench } from '../support/builders.ts';
import { isSoftHsmProof, proofSize, proofTimeoutMs, reportProof } from '../support/proof.ts';
import { AuditTrail } from './year/audit-trail.ts';
import { enrol } from './year/enrol.ts';
import { Figures } from './year/figures.ts';
import { drawFleet, type FleetToken } from './year/fleet.ts';
import { Person } from './year/person.ts';
import { Timeline } from './year/timeline.ts';
import { type Stage, Witness } from './year/witness.ts';

const dayMs = 86_400_000;
const days = proofSize(72, 365);
/** The short form has little time for what seldom happens. */
const pace = proofSize(6, 1);
const seed = 'NOT-FOR-PRODUCTION a year of drift';
const inFlight = 32;
const reportEveryMs = 20_000;

/** One caller for each policy, of a role that may unlock and reset. */
async function callersFor(
  bench: Bench,
  fleet: readonly FleetToken[],
): Promise<ReadonlyMap<string, Caller>> {
  const callers = new Map<string, Caller>();
  for (const { policy } of fleet) {
    if (callers.has(policy.name)) continue;
    callers.set(policy.name, await bench.caller(policy.settings, 'helpdesk'));
  }
  return callers;
}

async function yearOf(stage: Stage, fleet: readonly FleetToken[], fromMs: number): Promise<void> {
  const { bench, timeline, figures } = stage;
  const callers = await callersFor(bench, fleet);
  for (const token of fleet) {
    await bench.user(token.userName);
    await enrol(bench, token);
  }
  const [{ id: domainId } = { id: '' }] = await bench.service.administration.domains(bench.admin);
  const lives = fleet.map((token) => {
    const witness = new Witness(stage, token, callers.get(token.policy.name)!, domainId);
    const person = new Person(token, witness, figures, pace);
    return () => person.live(fromMs, days);
  });
  const startedMs = performance.now();
  const progress = setInterval(() => {
    const day = Math.floor((timeline.nowMs - fromMs) / dayMs);
    reportProof('year', { day, attempts: figures.of('attempts') });
  }, reportEveryMs);
  await timeline.run(lives).finally(() => clearInterval(progress));
  await stage.trail.read();
  const seconds = (performance.now() - startedMs) / 1000;
  const attemptsPerSecond = Math.round(figures.of('attempts') / seconds);
  for (const [what, count] of Object.entries(figures.all())) reportProof('year', { [what]: count });
  reportProof('year', { seconds: Math.round(seconds), 'attempts a second': attemptsPerSecond });
}

async function openSoftHsm(): Promise<{ module: HsmModule; close(): Promise<void> }> {
  const token = await initialisedSoftHsm();
  const module = await openModule({ uri: token.uri, residency: 'resident' });
  const close = async (): Promise<void> => {
    await module.close();
    await token.remove();
  };
  return { module, close };
}

/** What a year must hold, or it proves little. */
const happenings = [
  'accepted',
  'refused response-incorrect',
  'refused response-replayed',
  'refused response-malformed',
  'refused user-locked',
  'right but events ahead',
  'right but steps away',
  'second-OTP syncs',
  'remembered',
  'sync synchronised',
  'sync sync-incorrect',
  'desk unlocks',
  'desk resets',
  'unlocked by a right response',
  'unsent presses',
];

describe('a year of tokens that drift', () => {
  it(
    'has no outcome that an independent model of the policies did not predict',
    async () => {
      const hsm = isSoftHsmProof ? await openSoftHsm() : null;
      const bench = await openBench(hsm === null ? {} : { module: hsm.module });
      const fromMs = bench.clock.nowMs() + dayMs - (bench.clock.nowMs() % dayMs);
      const toMs = fromMs + days * dayMs;
      const fleet = drawFleet(seed, proofSize(40, 1000), { fromMs, toMs, pace });
      const stage: Stage = {
        bench,
        timeline: new Timeline(inFlight),
        figures: new Figures(),
        trail: new AuditTrail(bench.store),
        unexplained: [],
      };
      try {
        await yearOf(stage, fleet, fromMs);
        const { unexplained, trail, figures } = stage;
        expect(unexplained.slice(0, 5)).toEqual([]);
        expect([trail.missing, trail.strangers]).toEqual([0, 0]);
        expect(happenings.filter((what) => figures.of(what) === 0)).toEqual([]);
      } finally {
        await bench.close();
        await hsm?.close();
      }
    },
    proofTimeoutMs,
  );
});
