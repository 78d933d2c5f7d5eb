import { responseAlone } from '../../src/domain/credential.ts';
import type { BenchInstallation, BenchUser } from './installation.ts';
import { nextResponse } from './installation.ts';
import { alternate, type BenchRow, inFlight } from './measure.ts';
import { openRawFloor, type RawFloor } from './raw-floor.ts';

const width = 32;
/** What the policy makes every refusal cost: 20 counters ahead and five back. */
const refusalMacs = 25;

/** Verifying a right response, and refusing a wrong one, without an interface around it. */
export async function benchEngine(
  installation: BenchInstallation,
  count: number,
  rounds: number,
): Promise<readonly BenchRow[]> {
  const floor = openRawFloor(installation);
  const nextUser = usersInTurn(installation.users);
  try {
    return [
      await benchVerify(installation, nextUser, floor, count, rounds),
      await benchRefuse(installation, nextUser, floor, Math.ceil(count / 4), rounds),
    ];
  } finally {
    floor.close();
  }
}

/** Disjoint users for all that is in flight, as long as there are more of them than workers. */
export function usersInTurn(users: readonly BenchUser[]): () => BenchUser {
  let turn = 0;
  return () => {
    const user = users[turn % users.length];
    turn += 1;
    if (user === undefined) throw new Error('the bench has users');
    return user;
  };
}

async function benchVerify(
  installation: BenchInstallation,
  nextUser: () => BenchUser,
  floor: RawFloor,
  count: number,
  rounds: number,
): Promise<BenchRow> {
  const verifyOne = (): Promise<void> => {
    const user = nextUser();
    return attempt(installation, user, nextResponse(user), 'accepted');
  };
  const [verify, verifyFloor] = await alternate(
    [
      { name: 'verify', run: (n) => inFlight(width, n, verifyOne) },
      { name: 'floor', run: (n) => floor.decide(n, 1) },
    ],
    count,
    rounds,
  );
  if (!verify || !verifyFloor) throw new Error('no samples');
  return {
    row: 'engine',
    operation: 'verify a right response, 32 in flight',
    microsecondsEach: verify.microsecondsEach,
    floorMicrosecondsEach: verifyFloor.microsecondsEach,
    floor: 'load, 1 MAC, update, audit insert, one commit per 32',
    ratio: verify.microsecondsEach / verifyFloor.microsecondsEach,
    target: '<= 1.35',
  };
}

async function benchRefuse(
  installation: BenchInstallation,
  nextUser: () => BenchUser,
  floor: RawFloor,
  count: number,
  rounds: number,
): Promise<BenchRow> {
  const refuseOne = (): Promise<void> => attempt(installation, nextUser(), '0000000', 'refused');
  await requireMacs(installation, refuseOne);
  const [refuse, rawMacs, commit] = await alternate(
    [
      { name: 'refuse', run: (n) => inFlight(width, n, refuseOne) },
      { name: 'macs', run: (n) => floor.macs(n, refusalMacs) },
      { name: 'commit', run: (n) => floor.decide(n, 0) },
    ],
    count,
    rounds,
  );
  if (!refuse || !rawMacs || !commit) throw new Error('no samples');
  const floorMicroseconds = rawMacs.microsecondsEach * 1.2 + commit.microsecondsEach;
  return {
    row: 'refusal',
    operation: `refuse a wrong response, ${refusalMacs} candidates, 32 in flight`,
    microsecondsEach: refuse.microsecondsEach,
    floorMicrosecondsEach: floorMicroseconds,
    floor: `${refusalMacs} raw MACs + 20 %, load and commit`,
    ratio: refuse.microsecondsEach / floorMicroseconds,
    target: '<= 1.00',
  };
}

/** The floor would be another, if the policy came to ask for more MACs or fewer. */
async function requireMacs(
  { module }: BenchInstallation,
  refuseOne: () => Promise<void>,
): Promise<void> {
  const before = module.status().macsComputed;
  await refuseOne();
  const macs = module.status().macsComputed - before;
  if (macs !== refusalMacs) throw new Error(`a refusal costs ${macs} MACs, not ${refusalMacs}`);
}

async function attempt(
  { service, caller }: BenchInstallation,
  user: BenchUser,
  response: string,
  expected: 'accepted' | 'refused',
): Promise<void> {
  const answer = await service.authenticate(caller, {
    userName: user.userName,
    domainName: null,
    credential: responseAlone(response),
    challenge: null,
    challengeKey: null,
    serial: null,
    applicationName: null,
    requestKey: null,
  });
  if (answer.outcome !== expected) throw new Error(`expected ${expected}: ${answer.outcome}`);
}
