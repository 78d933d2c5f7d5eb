import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditChain } from '../../src/audit/index.ts';
import { offlineFormat } from '../../src/offline/format.ts';
import type { ComponentAccess, Role } from '../../src/domain/model.ts';
import type { PolicySettings } from '../../src/domain/policy-catalogue.ts';
import {
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  parseEventCounter,
  parseResponseAlgorithm,
  parseTimeStep,
  type ResponseAlgorithm,
  type ResponseAlgorithmJson,
  readResponse,
  responseMessage,
  timeStepAt,
} from '../../src/oath/index.ts';
import {
  type Caller,
  createService,
  installationRecords,
  newApiKeyText,
  type Service,
  type ServiceLimits,
  sha256Hex,
} from '../../src/service/index.ts';
import { createPasswordHash } from '../../src/service/passwords/hash.ts';
import type { BackEnd, Clock, Delivery } from '../../src/service/ports.ts';
import type { SilentWorkstation } from '../../src/service/offline-api.ts';
import type { SeedModule } from '../../src/service/seed-module.ts';
import type { Store } from '../../src/service/store.ts';
import { migrateDatabase, openStore } from '../../src/store/index.ts';
import { createFakeModule, type FakeModule } from './fake-module.ts';

/** A clock that a test sets. */
export interface TestClock extends Clock {
  set(nowMs: number): void;
  advance(seconds: number): void;
}

const startMs: number = Date.UTC(2026, 10, 1, 12, 0, 15);

export function createTestClock(nowMs: number = startMs): TestClock {
  let now = nowMs;
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    set: (to) => {
      now = to;
    },
    advance: (seconds) => {
      now += seconds * 1000;
    },
  };
}

export const totp6: ResponseAlgorithmJson = {
  kind: 'time',
  hash: 'SHA1',
  digits: 6,
  timeStepSeconds: 30,
  timeOriginSeconds: 0,
};
export const hotp6: ResponseAlgorithmJson = { kind: 'event', hash: 'SHA1', digits: 6 };
export const ocraTime: ResponseAlgorithmJson = {
  kind: 'challenge-response',
  suite: 'OCRA-1:HOTP-SHA1-8:QN08-T30S',
};
export const ocraCounter: ResponseAlgorithmJson = {
  kind: 'challenge-response',
  suite: 'OCRA-1:HOTP-SHA1-8:C-QN08',
};
/** Clock and counter together, with a question that nobody types. */
export const timeEvent8: ResponseAlgorithmJson = {
  kind: 'time-event',
  suite: 'OCRA-1:HOTP-SHA1-8:C-QN08-T30S',
  question: '00000000',
};
export const ocraBare: ResponseAlgorithmJson = {
  kind: 'challenge-response',
  suite: 'OCRA-1:HOTP-SHA1-8:QN08',
};

/** What a test's device holds: the seed that the host never sees. */
export class TestDevice {
  readonly serial: string;
  readonly applicationName: string;
  readonly algorithm: ResponseAlgorithm;
  readonly #seed: Buffer;

  constructor(serial: string, applicationName: string, json: unknown, seed: Uint8Array) {
    this.serial = serial;
    this.applicationName = applicationName;
    this.algorithm = parseResponseAlgorithm(json);
    this.#seed = Buffer.from(seed);
  }

  /** The response at an instant of the device's clock, at a counter, for a challenge. */
  response(at: { nowMs?: number; counter?: bigint | number; challenge?: string }): string {
    const inputs = algorithmInputs(this.algorithm);
    const stepping = algorithmTimeStepping(this.algorithm);
    const message = responseMessage(this.algorithm, {
      eventCounter: inputs.eventCounter ? parseEventCounter(BigInt(at.counter ?? 0)) : undefined,
      timeStep:
        stepping === undefined
          ? undefined
          : parseTimeStep(timeStepAt(at.nowMs ?? startMs, stepping)),
      question: inputs.question ? (at.challenge ?? '') : undefined,
    });
    const mac = createHmac(algorithmHash(this.algorithm), this.#seed).update(message).digest();
    return readResponse(this.algorithm, mac);
  }

  /** A response that is wrong at every position near the given one. */
  wrong(at: { nowMs?: number; counter?: number; challenge?: string } = {}): string {
    const { length } = this.response(at);
    const near = new Set<string>();
    for (let offset = -40; offset <= 40; offset += 1) {
      near.add(
        this.response({
          ...at,
          nowMs: (at.nowMs ?? startMs) + offset * 30_000,
          counter: Math.max(0, (at.counter ?? 0) + offset),
        }),
      );
    }
    for (let guess = 0; ; guess += 1) {
      const text = String(guess).padStart(length, '0');
      if (!near.has(text)) return text;
    }
  }
}

interface DeviceOptions {
  readonly userName?: string;
  readonly serial?: string;
  readonly applicationName?: string;
  readonly counter?: bigint;
  /** A random one when left out; not kept. */
  readonly seed?: Uint8Array;
}

export interface BenchOptions {
  readonly module?: SeedModule;
  readonly store?: (store: Store) => Store;
  readonly limits?: Partial<ServiceLimits>;
  readonly delivery?: Delivery;
  readonly backEnd?: BackEnd;
  readonly onSilent?: (silent: SilentWorkstation) => void;
  /** The real scrypt, where passwords are what a test is about. */
  readonly hasSlowHash?: boolean;
}

/** A service over a real SQLite file and a fake module, with an administrator at hand. */
export interface Bench {
  readonly service: Service;
  readonly store: Store;
  readonly module: FakeModule;
  readonly clock: TestClock;
  readonly admin: Caller;
  /** A new policy below Local Authentication with plain answers, and a caller under it. */
  caller(settings?: PolicySettings, role?: Role): Promise<Caller>;
  /** The same for a program that shows no key, as those that speak SOAP do. */
  keylessCaller(settings?: PolicySettings): Promise<Caller>;
  user(userName?: string): Promise<string>;
  /** An authenticator with one imported seed, assigned to the user if one is given. */
  device(algorithm: ResponseAlgorithmJson, options?: DeviceOptions): Promise<TestDevice>;
  /** The bodies of all audit events so far, in order. */
  auditBodies(): Promise<readonly string[]>;
  /** The last audit event, parsed. */
  lastAudit(): Promise<{ outcome: string; action: string; details: Record<string, unknown> }>;
  close(): Promise<void>;
}

let serials = 0;

/** Unique in this process. */
export function nextSerial(): string {
  serials += 1;
  return `TS${String(serials).padStart(8, '0')}`;
}

export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-service-'));
  const database = { kind: 'sqlite' as const, path: join(folder, 'test.db') };
  const clock = createTestClock();
  await migrateDatabase({ database, clock });
  const store = await openStore({ database, instance: 'test', chain: auditChain, clock });
  const module = createFakeModule();
  const keyText = newApiKeyText();
  const { changes, audit } = installationRecords(await store.loadConfiguration(), {
    nowMs: clock.nowMs(),
    adminKeySha256: sha256Hex(keyText),
  });
  await store.administer(changes, audit);
  const service = createService({
    store: options.store?.(store) ?? store,
    module: options.module ?? module,
    clock,
    instance: 'test',
    offline: offlineFormat,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.delivery === undefined ? {} : { delivery: options.delivery }),
    ...(options.backEnd === undefined ? {} : { backEnd: options.backEnd }),
    ...(options.onSilent === undefined ? {} : { onSilent: options.onSilent }),
    ...(options.hasSlowHash === true ? {} : { passwordHash: createPasswordHash(2) }),
  });
  const admin = await service.identify(keyText, '127.0.0.1', 'request-admin');
  if (admin === null) throw new Error('the first administrator is not known');
  const parts = { service, store, module, clock, admin };
  return {
    ...parts,
    ...provisioning(parts),
    ...auditing(store),
    async close() {
      await service.drain();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Maker = Pick<Bench, 'service' | 'admin'>;

/** What a test makes through the service: callers, users and devices. */
export function provisioning(
  maker: Maker,
): Pick<Bench, 'caller' | 'keylessCaller' | 'user' | 'device'> {
  return { ...calling(maker), ...owning(maker) };
}

function calling({ service, admin }: Maker): Pick<Bench, 'caller' | 'keylessCaller'> {
  let made = 0;
  const { administration } = service;
  const component = async (access: ComponentAccess, settings: PolicySettings): Promise<string> => {
    made += 1;
    const name = `test-${String(made)}`;
    await administration.savePolicy(
      admin,
      name,
      { parentName: 'Local Authentication', settings: { genericAnswers: false, ...settings } },
      { expectedVersion: null },
    );
    await administration.createComponent(admin, {
      componentType: name,
      location: '127.0.0.1',
      access,
      policyName: name,
    });
    return name;
  };
  return {
    async caller(settings = {}, role = 'client') {
      const name = await component('api-key', settings);
      const { key } = await administration.createApiKey(admin, {
        name,
        role,
        componentType: name,
        domainName: null,
        expiresAtMs: null,
      });
      const caller = await service.identify(key, '127.0.0.1', `request-${name}`);
      if (caller === null) throw new Error('the new key is not known');
      return caller;
    },
    async keylessCaller(settings = {}) {
      const name = await component('address', settings);
      return service.keylessCaller(name, '127.0.0.1', `request-${name}`);
    },
  };
}

function owning({ service, admin }: Maker): Pick<Bench, 'user' | 'device'> {
  let made = 0;
  const { administration } = service;
  return {
    async user(userName) {
      made += 1;
      const name = userName ?? `user-${String(made)}`;
      await administration.createUser(admin, null, {
        userName: name,
        organisationalUnit: null,
        expiresAtMs: null,
      });
      return name;
    },
    async device(algorithm, options = {}) {
      const { userName, serial, applicationName = 'APP', counter = 0n } = options;
      const seed = Buffer.from(options.seed ?? randomBytes(20));
      const device = new TestDevice(serial ?? nextSerial(), applicationName, algorithm, seed);
      await administration.createAuthenticator(admin, {
        serial: device.serial,
        model: 'TEST',
        expiresAtMs: null,
        applications: [
          {
            name: applicationName,
            mode: algorithm.kind === 'challenge-response' ? 'challenge-response' : 'response-only',
            algorithm,
            seed: { source: 'import', bytes: seed },
            eventCounter: counter,
          },
        ],
      });
      if (userName !== undefined) {
        await administration.assignAuthenticator(admin, device.serial, null, userName);
      }
      return device;
    },
  };
}

function auditing(store: Store): Pick<Bench, 'auditBodies' | 'lastAudit'> {
  const auditBodies = async (): Promise<readonly string[]> => {
    const bodies: string[] = [];
    for (let after = 0; ; after += 1000) {
      const events = await store.auditEvents('test', after, 1000);
      bodies.push(...events.map(({ body }) => body));
      if (events.length < 1000) return bodies;
    }
  };
  return {
    auditBodies,
    async lastAudit() {
      const bodies = await auditBodies();
      return JSON.parse(bodies.at(-1) ?? '{}') as Awaited<ReturnType<Bench['lastAudit']>>;
    },
  };
}
