import { fault } from './failure.ts';

/** The longest that a timer of Node waits; what is longer it fires at once. */
const timerMsMax = 2 ** 31 - 1;

/**
 * Runs `work` for `deadlineMs` at most.
 *
 * @param work closes what it opened once the signal is aborted; what it does afterwards is not heard
 * @throws DeliveryFault `timeout`
 */
export async function withinDeadline(
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (!(deadlineMs > 0)) throw fault('timeout', 'the deadline had passed before sending began');
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    const expire = (): void => {
      // First, so that this is the reason and not what the abort makes of the work.
      reject(fault('timeout', `no answer within ${Math.round(deadlineMs)} ms`));
      controller.abort();
    };
    timer = setTimeout(expire, Math.min(deadlineMs, timerMsMax));
  });
  try {
    await Promise.race([work(controller.signal), expired]);
  } finally {
    clearTimeout(timer);
  }
}
