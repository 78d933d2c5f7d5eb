import { auditChain } from '../../../src/audit/index.ts';
import { type DatabaseLocation, openStore } from '../../../src/store/index.ts';
import { advanceTo, anEntry, commitOne, install } from './records.ts';

/**
 * A process of its own that commits without pause, 32 decisions at a time, until it is killed or a
 * commit fails. It writes `open`, then a line for each decision once `commit` has resolved:
 * `serial step`; in the end the code of the error, and that of a ping after it.
 *
 * Arguments: the location as JSON, the instance.
 */
const lanesCount = 32;
const pingsMax = 1_000;
const [location = '', instance = 'one'] = process.argv.slice(2);
// A file size limit should be an error of the write, not the end of the process.
process.on('SIGXFSZ', () => undefined);

function say(line: string): void {
  // To a pipe this is synchronous: a line that was said is not lost when the process is killed.
  process.stdout.write(`${line}\n`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

async function storm(): Promise<void> {
  const store = await openStore({
    database: JSON.parse(location) as DatabaseLocation,
    instance,
    chain: auditChain,
    clock: { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 },
  });
  say('open');
  const lanes = Array.from({ length: lanesCount }, async () => {
    const { user, application, authenticator } = await install(store);
    for (let step = 0n; ; step += 1n) {
      const subject = `${authenticator.serial} ${String(step)}`;
      const { status } = await commitOne(store, {
        user: { kind: 'success', userId: user.id, threshold: 3 },
        advance: advanceTo(application, step),
        audit: { ...anEntry, subject },
      });
      if (status !== 'committed') throw new Error(status);
      say(subject);
    }
  });
  const [first] = await Promise.allSettled(lanes);
  say(`error ${codeOf(first?.status === 'rejected' ? first.reason : first)}`);
  // A ping is small and may still fit where a batch did not.
  try {
    for (let count = 0; count < pingsMax; count += 1) await store.ping();
  } catch (error) {
    say(`ping ${codeOf(error)}`);
  }
  await store.close();
}

await storm().catch((error: unknown) => say(`error ${codeOf(error)}`));
