/**
 * What this process makes of instants: `steps.ts INSTANTS`, Unix milliseconds as a JSON array. Writes
 * the offset of its time zone at the first, and for each the steps of a window and of whole days.
 */
import { timeStepAt } from '../../../src/oath/index.ts';
import {
  applicationWith,
  authenticatorWith,
  inputWith,
  listOf,
  planOf,
  policyWith,
  totp,
} from '../../domain/support.ts';

const instants = JSON.parse(process.argv[2] ?? '[]') as number[];
const policy = policyWith({ identificationTimeWindowSteps: 2, discreteTimeWindowHours: 1 });
const input = inputWith([authenticatorWith([applicationWith(totp())])], '123456');

const steps = instants.map((nowMs) => {
  const window = listOf(planOf(input, policy, nowMs).candidates);
  const days = timeStepAt(nowMs, { timeStepSeconds: 86_400, timeOriginSeconds: 0 });
  return [...window.map(({ position }) => position.timeStep), days].join(' ');
});
const offset = new Date(instants[0] ?? 0).getTimezoneOffset();
process.stdout.write(JSON.stringify({ offset, steps }));
