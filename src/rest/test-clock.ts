import { z } from 'zod';
import { type Call, type Endpoint, one, type Reply } from './endpoint.ts';
import { parseBy } from './input.ts';
import { TallystickError } from '../errors.ts';

/** A clock that clients set; only servers for tests have one. */
export interface TestClock {
  nowMs(): number;
  set(nowMs: number): void;
}

/** The last millisecond of the year 9999. */
const nowMsMax = 253_402_300_799_999;
const body = z.strictObject({ nowMs: z.int().min(0).max(nowMsMax) });
const path = '/v1/test-clock';

/** Reads and sets the time of a server for tests. */
export function testClockEndpoints(clock: TestClock): readonly Endpoint[] {
  const show = (): Reply => one({ nowMs: clock.nowMs() });
  return [
    { method: 'get', path, run: (call) => Promise.resolve(guarded(call, show)) },
    {
      method: 'put',
      path,
      body: 'required',
      run: (call) =>
        Promise.resolve(
          guarded(call, () => {
            clock.set(parseBy(body, call.body).nowMs);
            return show();
          }),
        ),
    },
  ];
}

/** Time is the whole installation's. */
function guarded({ caller }: Call, work: () => Reply): Reply {
  if (caller.role === 'admin' && caller.domainId === null) return work();
  throw new TallystickError('forbidden', 'Only an administrator of the installation may do this.');
}
