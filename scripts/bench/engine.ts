import type { BenchInstallation, BenchUser } from './installation.ts';
import { nextResponse } from './installation.ts';
import { alternate, type BenchRow, inFlight } from './measure.ts';
import { openRawFloor } from './raw-floor.ts';

const width = 32;
/** Look-ahead of the policy and the counters looked back at to tell a replay. */
const refusalCandidates = (user: BenchUser): number => 20 + Math.min(5, Number(user.nextCounter));

/** Verifying a right response, and refusing a wrong one, without an interface around it. */
export async function benchEngine(
  installation: BenchInstallation,
  count: number,
  rounds: number,
): Promise<readonly BenchRow[]> {
  const { users } = installation;
  const floor = openRawFloor(installation);
  let turn = 0;
  const userAt = (): BenchUser => {
    const user = users[turn % users.length];
    turn += 1;
    if (user === undefined) throw new Error('the bench has users');
    return user;
  };
  const attempt = async (user: BenchUser, response: string, expected: string): Promise<void> => {
    const answer = await installation.service.authenticate(installation.caller, {
      userName: user.userName,
      domainName: null,
      response,
      challenge: null,
      serial: null,
      applicationName: null,
      requestKey: null,
    });
    if (answer.outcome !== expected) throw new Error(`expected ${expected}: ${answer.outcome}`);
  };
  const accepts = {
    name: 'verify',
    run: (n: number) =>
      inFlight(width, n, () => {
        const user = userAt();
        return attempt(user, nextResponse(user), 'accepted');
      }),
  };
  const refuses = {
    name: 'refuse',
    run: (n: number) => inFlight(width, n, () => attempt(userAt(), '0000000', 'refused')),
  };
  try {
    const [verify, verifyFloor] = await alternate(
      [accepts, { name: 'floor', run: (n) => floor.decide(n, 1) }],
      count,
      rounds,
    );
    const user = userAt();
    const macs = refusalCandidates(user);
    const [refuse, rawMacs, commit] = await alternate(
      [
        refuses,
        {
          name: 'macs',
          run: (n) => {
            floor.macs(n, macs);
            return Promise.resolve();
          },
        },
        { name: 'commit', run: (n) => floor.decide(n, 0) },
      ],
      Math.ceil(count / 4),
      rounds,
    );
    if (!verify || !verifyFloor || !refuse || !rawMacs || !commit) throw new Error('no samples');
    const refusalFloor = rawMacs.microsecondsEach * 1.2 + commit.microsecondsEach;
    return [
      {
        row: 'engine',
        operation: 'verify a right response, 32 in flight',
        microsecondsEach: verify.microsecondsEach,
        floorMicrosecondsEach: verifyFloor.microsecondsEach,
        floor: 'load, 1 MAC, update, audit insert, one commit per 32',
        ratio: verify.microsecondsEach / verifyFloor.microsecondsEach,
        target: '<= 1.35',
      },
      {
        row: 'refusal',
        operation: `refuse a wrong response, ${macs} candidates, 32 in flight`,
        microsecondsEach: refuse.microsecondsEach,
        floorMicrosecondsEach: refusalFloor,
        floor: `${macs} raw MACs + 20 %, load and commit`,
        ratio: refuse.microsecondsEach / refusalFloor,
        target: '<= 1.00',
      },
    ];
  } finally {
    floor.close();
  }
}
