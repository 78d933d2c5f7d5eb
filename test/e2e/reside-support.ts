import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Finished, type Installation, runTallystick } from '../support/cli.ts';
import { type Answer, createHolder, type Holder, type Send } from './support.ts';

interface ListedSeed {
  readonly label: string;
  readonly id: string;
  readonly sensitive: boolean;
  readonly extractable: boolean;
}

/** Runs `tallystick hsm reside`. */
export const reside = (
  { configFile }: Installation,
  to: string,
  ...more: readonly string[]
): Promise<Finished> =>
  runTallystick(['hsm', 'reside', '--config', configFile, '--to', to, ...more]);

/** What `--json` printed. */
export const resultOf = ({ stdout }: Finished): unknown => JSON.parse(stdout);

/** The objects of seeds, as `hsm list` shows them. */
export async function seedsInModule({ configFile }: Installation): Promise<readonly ListedSeed[]> {
  const { stdout } = await runTallystick(['hsm', 'list', '--json', '--config', configFile]);
  const { objects } = JSON.parse(stdout) as { objects: readonly ListedSeed[] };
  return objects.filter(({ label }) => label.startsWith('tallystick-seed '));
}

/** One column of the SQLite database, read beside whoever has it. */
export function query<Value>({ folder }: Installation, sql: string): Value[] {
  const database = new Database(join(folder, 'tallystick.db'), { readonly: true });
  try {
    return database.prepare(sql).pluck().all() as Value[];
  } finally {
    database.close();
  }
}

/** How many rows say that their seed is in the module. */
export const residentRows = (installation: Installation): number =>
  query<number>(
    installation,
    "select count(*) from application where seed_residency = 'resident'",
  )[0]!;

/** Everything that SQLite keeps on the disk. */
export const bytesOnDisk = ({ folder }: Installation): Buffer =>
  Buffer.concat(
    readdirSync(folder)
      .filter((name) => name.startsWith('tallystick.db'))
      .map((name) => readFileSync(join(folder, name))),
  );

/** Plain answers and no lock: a replay is refused for what it is. */
export const settings = { genericAnswers: false, userLockThreshold: 0 };

/** So many users, each with an event-based authenticator. */
export async function holdersOf(admin: Send, count: number): Promise<readonly Holder[]> {
  const made: Holder[] = [];
  for (let number = 0; number < count; number += 1) {
    made.push(await createHolder(admin, `reside${String(number)}`));
  }
  return made;
}

const outcomeOf = ({ body }: Answer): string => String(body['code'] ?? body['outcome']);

/** Each logs on once; the outcomes in order. */
export async function logOn(
  send: Send,
  holders: readonly Holder[],
  counter: number,
): Promise<string[]> {
  const outcomes: string[] = [];
  for (const { user, response } of holders) {
    const answer = await send('POST', '/v1/authenticate', { user, response: response(counter) });
    outcomes.push(outcomeOf(answer));
  }
  return outcomes;
}

/** One outcome for each. */
export const each = (holders: readonly unknown[], outcome: string): string[] =>
  holders.map(() => outcome);
