import type {
  ApiKey,
  Application,
  AuthenticatorWithApplications,
  Component,
  Policy,
  User,
} from '../../domain/model.ts';
import { pinStateOf } from '../../domain/pin-edit.ts';
import { algorithmInputs, algorithmText, algorithmTimeStepping } from '../../oath/index.ts';
import type {
  ApiKeyView,
  ApplicationView,
  AuthenticatorView,
  ComponentView,
  PolicyView,
  UserView,
} from '../api.ts';
import type { Configuration } from '../configuration.ts';
import type { Desk } from './desk.ts';

/** Reads for a list run this many at a time, to leave connections to logons. */
const readsAtOnce = 16;

/** A user with the serials of the authenticators assigned to him. */
export async function userView(desk: Desk, user: User): Promise<UserView> {
  const [view] = await userViews(desk, user.domainId, [user]);
  if (view === undefined) throw new RangeError('one user in, one view out');
  return view;
}

/** Users of one domain, in the given order. */
export async function userViews(
  desk: Desk,
  domainId: string,
  users: readonly User[],
): Promise<readonly UserView[]> {
  const { store } = desk.context;
  const units = new Map(
    users.some((user) => user.organisationalUnitId !== null)
      ? (await store.organisationalUnits(domainId)).map((unit) => [unit.id, unit.name])
      : [],
  );
  const domainName = desk.configuration.domainById(domainId)?.name ?? '';
  return mapBounded(users, async (user) => {
    const authenticators = await store.authenticatorsOfUser(user.id);
    return {
      id: user.id,
      domainName,
      userName: user.userName,
      organisationalUnit:
        user.organisationalUnitId === null ? null : (units.get(user.organisationalUnitId) ?? null),
      administratorRole: user.administratorRole,
      isDisabled: user.isDisabled,
      expiresAtMs: user.expiresAtMs,
      lockCount: user.lockCount,
      lockedAtMs: user.lockedAtMs,
      lockedBy: user.lockedBy,
      lastAttemptAtMs: user.lastAttemptAtMs,
      lastSuccessAtMs: user.lastSuccessAtMs,
      ...user.contact,
      localAuthentication: user.localAuthentication,
      hasPassword: user.password.verifier !== null,
      passwordSetAtMs: user.password.setAtMs,
      serials: authenticators.map(({ authenticator }) => authenticator.serial).sort(),
      version: user.version,
    };
  });
}

/** Authenticators with their applications and owners, in the given order. */
export async function authenticatorViews(
  desk: Desk,
  found: readonly AuthenticatorWithApplications[],
): Promise<readonly AuthenticatorView[]> {
  const ownerIds = [...new Set(found.flatMap(({ authenticator }) => authenticator.userId ?? []))];
  const owners = await mapBounded(ownerIds, (id) => desk.context.store.userById(id));
  const ownersById = new Map(
    owners.flatMap((owner) => (owner === null ? [] : [[owner.id, owner]])),
  );
  return found.map(({ authenticator, applications }) => {
    const owner = ownersById.get(authenticator.userId ?? '');
    return {
      serial: authenticator.serial,
      licenceSerial: authenticator.licenceSerial,
      model: authenticator.model,
      kind: authenticator.kind,
      isVirtual: authenticator.isVirtual,
      isDisabled: authenticator.isDisabled,
      expiresAtMs: authenticator.expiresAtMs,
      userName: owner?.userName ?? null,
      domainName:
        owner === undefined ? null : (desk.configuration.domainById(owner.domainId)?.name ?? null),
      assignedAtMs: authenticator.assignedAtMs,
      lastUsedAtMs: authenticator.lastUsedAtMs,
      graceEndsAtMs: authenticator.graceEndsAtMs,
      backup: authenticator.backup,
      applications: applications.map(applicationView),
      version: authenticator.version,
    };
  });
}

/** What may be shown of an application: which seed it uses, not the seed. */
function applicationView(application: Application): ApplicationView {
  const { seed, algorithm } = application;
  const hasCounter = algorithmInputs(algorithm).eventCounter;
  const hasClock = algorithmTimeStepping(algorithm) !== undefined;
  return {
    name: application.name,
    mode: application.mode,
    algorithm: algorithmText(algorithm),
    isDisabled: application.isDisabled,
    pin: { state: pinStateOf(application.pin), minimumLength: application.pin.minimumLength },
    residency: seed.residency,
    seedId: seed.seedId,
    seedBytes: seed.seedBytes,
    padded: seed.padded,
    seedOrigin: seed.origin,
    keyCheckValue: seed.keyCheckValue,
    epoch: application.epoch,
    nextEventCounter: hasCounter ? application.nextEventCounter : null,
    lastStep: hasClock && application.lastStep >= 0n ? application.lastStep : null,
    driftSeconds: hasClock ? application.driftSeconds : null,
    driftAtMs: hasClock ? application.driftAtMs : null,
    isDriftFrozen: application.isDriftFrozen,
    failureCount: application.failureCount,
    hasRememberedResponse: application.pendingSync !== null,
    lastUsedAtMs: application.lastUsedAtMs,
  };
}

export function policyView(configuration: Configuration, policy: Policy): PolicyView {
  return {
    name: policy.name,
    parentName: policyNameById(configuration, policy.parentId),
    settings: policy.settings,
    version: policy.version,
  };
}

export function componentView(configuration: Configuration, component: Component): ComponentView {
  return {
    id: component.id,
    componentType: component.componentType,
    location: component.location,
    access: component.access,
    policyName: policyNameById(configuration, component.policyId) ?? '',
    version: component.version,
  };
}

export function apiKeyView(configuration: Configuration, key: ApiKey): ApiKeyView {
  return {
    name: key.name,
    role: key.role,
    componentType: key.componentType,
    domainName:
      key.domainId === null ? null : (configuration.domainById(key.domainId)?.name ?? null),
    expiresAtMs: key.expiresAtMs,
    createdAtMs: key.createdAtMs,
  };
}

function policyNameById(configuration: Configuration, id: string | null): string | null {
  return configuration.snapshot.policies.find((policy) => policy.id === id)?.name ?? null;
}

/** Reads a few at a time; results in order. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += readsAtOnce) {
    results.push(...(await Promise.all(items.slice(start, start + readsAtOnce).map(read))));
  }
  return results;
}
