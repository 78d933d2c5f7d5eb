import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import pkcs11 from 'pkcs11js';
import { movingFactor, parseEventCounter } from '../../src/oath/index.ts';
import { applicationAdvance, auditInsert } from '../../src/store/hot-statements.ts';
import { attemptTemplate } from '../../src/store/joined-rows.ts';
import { bind } from '../../src/store/query-builder.ts';
import type { BenchInstallation, BenchUser } from './installation.ts';

/**
 * What verifying cannot do without: one load, the MACs, one state update and one audit insert by the
 * same prepared statements, 32 of them in one durable transaction. No parsing, no rules.
 */
export interface RawFloor {
  /** `count` times a load, `macCount` MACs, an update and an insert. */
  decide(count: number, macCount: number): Promise<void>;
  /** `count` times `macCount` MACs alone. */
  macs(count: number, macCount: number): Promise<void>;
  close(): void;
}

interface FloorUser {
  readonly applicationId: string;
  readonly handle: Buffer;
  readonly loadArguments: readonly unknown[];
  nextCounter: number;
}

const groupSize = 32;

export function openRawFloor(installation: BenchInstallation): RawFloor {
  const module = openModule(installation.softHsm.modulePath);
  const database = openDatabase(installation.floorDatabasePath);
  const load = database.prepare(attemptTemplate('sqlite').sql).raw();
  const users = installation.users.map((user) => floorUser(database, module, user));
  const write = preparedWrite(database);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  let turn = 0;
  const userAt = (): FloorUser => {
    const user = users[turn % users.length];
    turn += 1;
    if (user === undefined) throw new Error('the floor has users');
    return user;
  };
  return {
    async decide(count, macCount) {
      for (let done = 0; done < count; done += groupSize) {
        const group = Array.from({ length: Math.min(groupSize, count - done) }, userAt);
        for (const user of group) {
          load.all(...user.loadArguments);
          computeMacs(module, user, macCount);
        }
        begin.run();
        group.forEach(write);
        commit.run();
        await new Promise(setImmediate);
      }
    },
    macs(count, macCount) {
      for (let done = 0; done < count; done += 1) computeMacs(module, userAt(), macCount);
      return Promise.resolve();
    },
    close() {
      module.library.C_CloseSession(module.session);
      database.close();
    },
  };
}

function computeMacs({ library, session }: RawModule, user: FloorUser, macCount: number): void {
  for (let index = 0; index < macCount; index += 1) {
    const message = movingFactor(parseEventCounter(BigInt(user.nextCounter + index)));
    library.C_SignInit(session, mechanism, user.handle);
    library.C_Sign(session, message as Buffer, mac);
  }
}

/** One state update and one audit insert. */
function preparedWrite(database: Database.Database): (user: FloorUser) => void {
  const advance = database.prepare(applicationAdvance.sql);
  const insert = database.prepare(auditInsert.sql);
  const hash = 'f'.repeat(64);
  let sequence = 1_000_000;
  return (user) => {
    sequence += 1;
    const subjectKey = `master/user${sequence % 256}`;
    user.nextCounter += 1;
    const set = { nextEventCounter: user.nextCounter, lastStep: -1, floorMs: 0 };
    const drift = { spentChallenges: '[]', driftSeconds: 0, driftAtMs: null, driftHistory: '' };
    const open = {
      failureCountBelow: null,
      expectedPendingSync: null,
      pinVersion: 1,
      readVersion: 1,
      isForgiving: 1,
      atMs: 1,
    };
    const guard = { nextEventCounterAtMost: user.nextCounter - 1, lastStepBelow: 0 };
    advance.run(
      ...bind(applicationAdvance, {
        applicationId: user.applicationId,
        epoch: 1,
        orSpentChallenges: null,
        ...guard,
        ...set,
        ...drift,
        ...open,
      }),
    );
    const event = { instance: 'floor', sequence, atMs: 1, subjectKey, body: bodyLikeOurs };

    insert.run(...bind(auditInsert, { ...event, previousHash: hash, hash }));
  };
}

const mac = Buffer.alloc(20);
const mechanism = { mechanism: pkcs11.CKM_SHA_1_HMAC };

/** As long as the canonical body of an accepted attempt. */
const bodyLikeOurs = 'x'.repeat(420);

function openDatabase(path: string): Database.Database {
  if (!existsSync(path)) throw new Error(`no database at ${path}`);
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  return database;
}

interface RawModule {
  readonly library: pkcs11.PKCS11;
  readonly session: Buffer;
}

/** The library is initialised and logged in already; both hold for the whole process. */
function openModule(modulePath: string): RawModule {
  const library = new pkcs11.PKCS11();
  library.load(modulePath);
  for (const slot of library.C_GetSlotList(true)) {
    if ((library.C_GetTokenInfo(slot).flags & pkcs11.CKF_TOKEN_INITIALIZED) === 0) continue;
    return { library, session: library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION) };
  }
  throw new Error('no initialised token');
}

function floorUser(database: Database.Database, module: RawModule, user: BenchUser): FloorUser {
  const row = database
    .prepare(
      `select p.id, p.seed_id, u.domain_id, u.user_name_key from application p
       join authenticator a on a.id = p.authenticator_id join user_account u on u.id = a.user_id
       where u.user_name = ?`,
    )
    .get(user.userName) as Record<'id' | 'seed_id' | 'domain_id' | 'user_name_key', string>;
  const { library, session } = module;
  const id = Buffer.from(row.seed_id.replaceAll('-', ''), 'hex');
  library.C_FindObjectsInit(session, [{ type: pkcs11.CKA_ID, value: id }]);
  const [handle] = library.C_FindObjects(session, 1);
  library.C_FindObjectsFinal(session);
  if (handle === undefined) throw new Error('the seed is in the module');
  const loadArguments = bind(attemptTemplate('sqlite'), {
    domainId: row.domain_id,
    userNameKey: row.user_name_key,
  });
  return { applicationId: row.id, handle, loadArguments, nextCounter: 0 };
}
