import { createHmac, randomBytes } from 'node:crypto';
import { copyFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HsmModule, initialiseModule, openModule } from '../../hsm/index.ts';
import { auditChain } from '../../src/audit/index.ts';
import { offlineFormat } from '../../src/offline/format.ts';
import {
  type ResponseAlgorithmJson,
  movingFactor,
  parseEventCounter,
  parseResponseAlgorithm,
  readResponse,
} from '../../src/oath/index.ts';
import {
  apiKeySha256,
  type Caller,
  createService,
  installationRecords,
  newApiKeyText,
  restClientComponentType,
  type Service,
} from '../../src/service/index.ts';
import type { Clock } from '../../src/service/ports.ts';
import type { Store } from '../../src/service/store.ts';
import { migrateDatabase, openStore } from '../../src/store/index.ts';
import { freshSoftHsm, type SoftHsmToken } from '../../test/support/softhsm.ts';

/** A user with one event-based authenticator, whose next response the bench can compute. */
export interface BenchUser {
  readonly userName: string;
  readonly seed: Buffer;
  nextCounter: bigint;
}

export interface BenchInstallation {
  readonly softHsm: SoftHsmToken;
  readonly databasePath: string;
  /** A copy of the database as it was before the first attempt, for floors. */
  readonly floorDatabasePath: string;
  readonly module: HsmModule;
  readonly store: Store;
  readonly service: Service;
  readonly caller: Caller;
  readonly admin: Caller;
  readonly clientKey: string;
  readonly users: readonly BenchUser[];
  remove(): Promise<void>;
}

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

const algorithm: ResponseAlgorithmJson = { kind: 'event', hash: 'SHA1', digits: 6 };
const parsedAlgorithm = parseResponseAlgorithm(algorithm);

/** A real SoftHSM, a real database file and `userCount` users that never lock. */
export async function install(userCount: number): Promise<BenchInstallation> {
  const softHsm = await freshSoftHsm();
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-bench-'));
  const databasePath = join(folder, 'tallystick.db');
  const database = { kind: 'sqlite', path: databasePath } as const;
  await initialiseModule({ uri: softHsm.uri });
  const module = await openModule({ uri: softHsm.uri, residency: 'resident' });
  await migrateDatabase({ database, clock: realClock });
  const options = { database, instance: 'bench', chain: auditChain, clock: realClock };
  const first = await openStore(options);
  const { users, clientKey, adminKey } = await fill(first, module, userCount);
  await first.close();
  const floorDatabasePath = join(folder, 'floor.db');
  copyFileSync(databasePath, floorDatabasePath);
  const store = await openStore(options);
  const offline = offlineFormat;
  const service = createService({ store, module, clock: realClock, instance: 'bench', offline });
  const caller = await service.identify(clientKey, '127.0.0.1', 'bench');
  const admin = await service.identify(adminKey, '127.0.0.1', 'bench');
  if (caller === null || admin === null) throw new Error('the bench keys were not found');
  return {
    softHsm,
    databasePath,
    floorDatabasePath,
    module,
    store,
    service,
    caller,
    admin,
    clientKey,
    users,
    async remove() {
      await service.drain();
      await store.close();
      await module.close();
      rmSync(folder, { recursive: true, force: true });
      await softHsm.remove();
    },
  };
}

/** The response at the user's next counter; the counter moves on. */
export function nextResponse(user: BenchUser): string {
  const counter = parseEventCounter(user.nextCounter);
  user.nextCounter += 1n;
  const mac = createHmac('sha1', user.seed).update(movingFactor(counter)).digest();
  return readResponse(parsedAlgorithm, mac);
}

async function fill(
  store: Store,
  module: HsmModule,
  userCount: number,
): Promise<Pick<BenchInstallation, 'users' | 'clientKey'> & { readonly adminKey: string }> {
  const adminKey = newApiKeyText();
  const adminKeySha256 = apiKeySha256(adminKey);
  if (adminKeySha256 === null) throw new Error('a new key is well formed');
  const { changes, audit } = installationRecords(await store.loadConfiguration(), {
    nowMs: realClock.nowMs(),
    adminKeySha256,
  });
  const written = await store.administer(changes, audit);
  if (written.status !== 'committed') throw new Error(`installation: ${written.status}`);
  const service = createService({ store, module, clock: realClock, instance: 'bench' });
  const admin = await service.identify(adminKey, '127.0.0.1', 'bench');
  if (admin === null) throw new Error('the administrator key was not found');
  const { administration } = service;
  await administration.savePolicy(
    admin,
    'Local Authentication',
    {
      parentName: 'Base Policy',
      settings: {
        localAuthentication: 'authenticator-only',
        userLockThreshold: 0,
        // A refusal costs what the dearest application may need: here 25 MACs, not 721.
        initialTimeWindowSeconds: 0,
        genericAnswers: false,
        offlineEnabled: true,
        offlinePinless: 'allowed',
      },
    },
    { expectedVersion: null },
  );
  const client = await administration.createApiKey(admin, {
    name: 'bench-client',
    role: 'client',
    componentType: restClientComponentType,
    domainName: null,
    expiresAtMs: null,
  });
  const users = await fillUsers(service, admin, userCount);
  await service.drain();
  return { users, clientKey: client.key, adminKey };
}

async function fillUsers(
  { administration }: Service,
  admin: Caller,
  userCount: number,
): Promise<readonly BenchUser[]> {
  const users: BenchUser[] = [];
  for (let index = 0; index < userCount; index += 1) {
    const user = { userName: `user${index}`, seed: randomBytes(20), nextCounter: 0n };
    const serial = `BENCH${String(index).padStart(6, '0')}`;
    await administration.createUser(admin, null, {
      userName: user.userName,
      organisationalUnit: null,
      expiresAtMs: null,
    });
    await administration.createAuthenticator(admin, {
      serial,
      model: 'BENCH',
      expiresAtMs: null,
      applications: [
        {
          name: 'EVENT',
          mode: 'response-only',
          algorithm,
          seed: { source: 'import', bytes: Buffer.from(user.seed) },
          eventCounter: 0n,
        },
      ],
    });
    await administration.assignAuthenticator(admin, serial, null, user.userName);
    users.push(user);
  }
  return users;
}
