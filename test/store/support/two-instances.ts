import {
  type Caller,
  createService,
  installationRecords,
  newApiKeyText,
  type Service,
  sha256Hex,
} from '../../../src/service/index.ts';
import { createPasswordHash } from '../../../src/service/passwords/hash.ts';
import type { Delivery } from '../../../src/service/ports.ts';
import type { Store } from '../../../src/service/store.ts';
import { createMigrated, openTestStore, postgresKind } from './databases.ts';
import { createTestClock, provisioning, type TestClock } from '../../support/builders.ts';
import { createFakeModule, type FakeModule } from '../../support/fake-module.ts';

/** Two servers over one PostgreSQL database and what one module holds. */
export interface TwoInstances {
  readonly one: Service;
  readonly two: Service;
  readonly stores: readonly [Store, Store];
  readonly module: FakeModule;
  readonly clock: TestClock;
  readonly admin: Caller;
  readonly make: ReturnType<typeof provisioning>;
  close(): Promise<void>;
}

export async function openTwoInstances(
  options: {
    readonly wrapSecond?: (store: Store) => Store;
    readonly delivery?: Delivery;
  } = {},
): Promise<TwoInstances> {
  const { wrapSecond = (store: Store): Store => store, delivery } = options;
  const clock = createTestClock();
  const database = await createMigrated(postgresKind);
  const open = (instance: string): Promise<Store> =>
    openTestStore(database.location, { instance, clock });
  const stores = [await open('one'), await open('two')] as const;
  const module = createFakeModule();
  const keyText = newApiKeyText();
  const { changes, audit } = installationRecords(await stores[0].loadConfiguration(), {
    nowMs: clock.nowMs(),
    adminKeySha256: sha256Hex(keyText),
  });
  await stores[0].administer(changes, audit);
  const serve = (store: Store, own: FakeModule, instance: string): Service =>
    createService({
      store,
      module: own,
      clock,
      instance,
      passwordHash: createPasswordHash(2),
      ...(delivery === undefined ? {} : { delivery }),
    });
  const one = serve(stores[0], module, 'one');
  const two = serve(wrapSecond(stores[1]), createFakeModule('resident', module.memory), 'two');
  const admin = await one.identify(keyText, '127.0.0.1', 'request-admin');
  if (admin === null) throw new Error('the first administrator is not known');
  return {
    one,
    two,
    stores,
    module,
    clock,
    admin,
    make: provisioning({ service: one, admin }),
    async close() {
      for (const service of [one, two]) await service.drain();
      for (const store of stores) await store.close();
      await database.remove();
    },
  };
}
