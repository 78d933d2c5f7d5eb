import type {
  ApiKey,
  Application,
  ApplicationAdvance,
  Authenticator,
  Component,
  Domain,
  IssuedChallenge,
  OrganisationalUnit,
  Policy,
  User,
} from '../../../src/domain/model.ts';
import { unusedState } from '../../../src/domain/application.ts';
import { unsetPassword } from '../../../src/domain/static-password.ts';
import { unknownContact, unsetBackup } from '../../../src/domain/virtual-otp.ts';
import { parseResponseAlgorithm } from '../../../src/oath/index.ts';
import type {
  AuditEntry,
  CommitResult,
  Decision,
  RecordChange,
  Session,
  Store,
  StoredAnswer,
  UserChange,
} from '../../../src/service/store.ts';

/** Records with plain values; a test states only what it is about. */

export const atMs = 1_700_000_100_000;
let issued = 0;

/** An id that no other record of this process has. */
export function freshId(): string {
  issued += 1;
  return `01900000-0000-7000-8000-${process.pid.toString(16).padStart(6, '0')}${issued
    .toString(16)
    .padStart(6, '0')}`;
}

export const anEntry: AuditEntry = {
  atMs,
  action: 'test',
  outcome: 'done',
  actor: 'operator',
  subject: 'nobody',
  requestId: 'r-1',
  details: {},
};

export function aDomain(more: Partial<Domain> = {}): Domain {
  const id = freshId();
  return { id, name: `domain-${id}`, createdAtMs: atMs, version: 1, ...more };
}

export function aUnit(
  domainId: string,
  more: Partial<OrganisationalUnit> = {},
): OrganisationalUnit {
  const id = freshId();
  return { id, domainId, name: `unit-${id}`, parentId: null, version: 1, ...more };
}

export function aUser(domainId: string, more: Partial<User> = {}): User {
  const id = freshId();
  return {
    id,
    domainId,
    organisationalUnitId: null,
    administratorRole: null,
    userName: `user-${id}`,
    isDisabled: false,
    expiresAtMs: null,
    lockCount: 0,
    lockedAtMs: null,
    lockedBy: null,
    unlockTries: 0,
    lastAttemptAtMs: null,
    lastSuccessAtMs: null,
    contact: unknownContact,
    localAuthentication: null,
    password: unsetPassword,
    createdAtMs: atMs,
    version: 1,
    ...more,
  };
}

export function anAuthenticator(more: Partial<Authenticator> = {}): Authenticator {
  const id = freshId();
  const serial = `VT${id.slice(-12).toUpperCase()}`;
  return {
    id,
    serial,
    licenceSerial: serial,
    model: 'VTGO1',
    isVirtual: true,
    isDisabled: false,
    expiresAtMs: null,
    userId: null,
    assignedAtMs: null,
    assignmentVersion: 0,
    lastUsedAtMs: null,
    kind: 'device',
    graceEndsAtMs: null,
    backup: unsetBackup,
    createdAtMs: atMs,
    version: 1,
    ...more,
  };
}

export function anApplication(
  authenticatorId: string,
  more: Partial<Application> = {},
): Application {
  const id = freshId();
  return {
    id,
    authenticatorId,
    name: 'TIME',
    mode: 'response-only',
    algorithm: parseResponseAlgorithm({
      kind: 'time',
      hash: 'SHA1',
      digits: 6,
      timeStepSeconds: 30,
      timeOriginSeconds: 0,
    }),
    seed: {
      seedId: freshId(),
      residency: 'resident',
      blob: null,
      seedBytes: 20,
      padded: false,
      keyCheckValue: '00112233',
      origin: 'generated',
    },
    isDisabled: false,
    ...unusedState,
    epoch: 0,
    createdAtMs: atMs,
    version: 1,
    ...more,
  };
}

export function aPolicy(more: Partial<Policy> = {}): Policy {
  const id = freshId();
  return { id, name: `policy-${id}`, parentId: null, settings: {}, version: 1, ...more };
}

export function aComponent(policyId: string, more: Partial<Component> = {}): Component {
  return {
    id: freshId(),
    componentType: 'Gateway',
    location: '127.0.0.0/8',
    access: 'api-key',
    policyId,
    version: 1,
    ...more,
  };
}

export function anApiKey(more: Partial<ApiKey> = {}): ApiKey {
  const id = freshId();
  return {
    id,
    name: 'key',
    keySha256: id.replaceAll('-', '').padEnd(64, '0'),
    role: 'client',
    componentType: 'Gateway',
    domainId: null,
    expiresAtMs: null,
    createdAtMs: atMs,
    version: 1,
    ...more,
  };
}

export function aChallenge(
  userId: string | null,
  more: Partial<IssuedChallenge> = {},
): IssuedChallenge {
  return {
    id: freshId(),
    handle: '0123456789',
    userId,
    componentType: 'Gateway',
    kind: '1-step',
    method: null,
    provenPins: [],
    userVersion: null,
    text: '12345678',
    issuedAtMs: atMs,
    expiresAtMs: atMs + 60_000,
    consumedAtMs: null,
    ...more,
  };
}

export function aSession(userId: string, more: Partial<Session> = {}): Session {
  return {
    idSha256: freshId().replaceAll('-', '').padEnd(64, 'a'),
    userId,
    componentType: 'Administration Program',
    peerAddress: '127.0.0.1',
    createdAtMs: atMs,
    lastUsedAtMs: atMs,
    expiresAtMs: atMs + 60_000,
    ...more,
  };
}

export function anAnswer(more: Partial<StoredAnswer> = {}): StoredAnswer {
  return {
    clientId: freshId(),
    requestKey: 'key-1',
    fingerprint: 'f0',
    answer: '{}',
    expiresAtMs: atMs + 60_000,
    ...more,
  };
}

/** A decision that changes nothing but what is given. */
export function aDecision(more: Partial<Decision> = {}): Decision {
  return {
    atMs,
    user: null,
    authenticator: null,
    advance: null,
    followers: [],
    notes: [],
    challengeIds: [],
    readVersions: null,
    pinChange: null,
    missedOtpIds: [],
    issue: null,
    passwordVersion: null,
    passwordChange: null,
    backupUse: null,
    emergencyUse: null,
    emergencyMarks: [],
    openSession: null,
    endSession: null,
    storedAnswer: null,
    // Decisions about one subject never share a transaction; these may.
    audit: { ...anEntry, subject: freshId() },
    ...more,
  };
}

/** Accepts `step` of a time-based application. */
export function advanceTo(application: Application, step: bigint): ApplicationAdvance {
  return {
    applicationId: application.id,
    epoch: application.epoch,
    guard: {
      nextEventCounterAtMost: application.nextEventCounter,
      lastStepBelow: step,
      orSpentChallenges: null,
      failureCountBelow: null,
      pendingSync: null,
      pinVersion: application.pin.version,
    },
    set: {
      nextEventCounter: application.nextEventCounter,
      lastStep: step,
      floorMs: Number(step) * 30_000,
      spentChallenges: [],
      driftSeconds: 1.5,
      driftAtMs: atMs,
      driftHistory: '',
    },
    isForgiving: true,
  };
}

export interface Installed {
  readonly domain: Domain;
  readonly user: User;
  readonly authenticator: Authenticator;
  readonly application: Application;
}

/** One user with one time-based authenticator. */
export async function install(
  store: Store,
  more: { user?: Partial<User>; application?: Partial<Application> } = {},
): Promise<Installed> {
  const domain = aDomain();
  const user = aUser(domain.id, more.user);
  const authenticator = anAuthenticator({
    userId: user.id,
    assignedAtMs: atMs,
    assignmentVersion: 1,
  });
  const application = anApplication(authenticator.id, more.application);
  await insertAll(store, [
    { change: 'insert', kind: 'domain', record: domain },
    { change: 'insert', kind: 'user', record: user },
    { change: 'insert', kind: 'authenticator', record: authenticator },
    { change: 'insert', kind: 'application', record: application },
  ]);
  return { domain, user, authenticator, application };
}

export async function insertAll(store: Store, changes: readonly RecordChange[]): Promise<void> {
  const result = await store.administer(changes, anEntry);
  if (result.status !== 'committed') throw new Error(`not installed: ${JSON.stringify(result)}`);
}

export async function commitOne(store: Store, more: Partial<Decision>): Promise<CommitResult> {
  const [result] = await store.commit([aDecision(more)]);
  if (result === undefined) throw new Error('no result');
  return result;
}

export async function changeUser(store: Store, user: UserChange): Promise<CommitResult> {
  return await commitOne(store, { user });
}

export async function reloadUser(store: Store, { id }: User): Promise<User> {
  const user = await store.userById(id);
  if (user === null) throw new Error('the user is gone');
  return user;
}

export async function reloadApplication(
  store: Store,
  { authenticator }: Installed,
): Promise<Application> {
  const application = (await store.authenticatorBySerial(authenticator.serial))?.applications[0];
  if (application === undefined) throw new Error('the application is gone');
  return application;
}
