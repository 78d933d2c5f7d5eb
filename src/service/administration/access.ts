import type { Domain, Role, User } from '../../domain/model.ts';
import { TallystickError } from '../../errors.ts';
import type { Caller } from '../api.ts';
import { type Configuration, masterDomainName, type ResolvedComponent } from '../configuration.ts';

/** What a role may do. */
export type Permission =
  | 'authenticate'
  | 'offline.use'
  | 'users.read'
  | 'users.lock'
  | 'users.write'
  | 'authenticators.read'
  | 'authenticators.assign'
  | 'authenticators.unlock'
  | 'authenticators.write'
  | 'emergency.issue'
  | 'emergency.reveal'
  | 'configuration.read'
  | 'configuration.write'
  | 'audit.read';

const permissionsByRole: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  client: new Set<Permission>(['authenticate', 'offline.use']),
  helpdesk: new Set<Permission>([
    'authenticate',
    'users.read',
    'users.lock',
    'authenticators.read',
    'authenticators.assign',
    'authenticators.unlock',
    'emergency.issue',
    'emergency.reveal',
  ]),
  auditor: new Set<Permission>([
    'users.read',
    'authenticators.read',
    'configuration.read',
    'audit.read',
  ]),
  admin: new Set<Permission>([
    'authenticate',
    'users.read',
    'users.lock',
    'users.write',
    'authenticators.read',
    'authenticators.assign',
    'authenticators.unlock',
    'authenticators.write',
    'emergency.issue',
    'emergency.reveal',
    'configuration.read',
    'configuration.write',
    'audit.read',
  ]),
};

/**
 * @throws TallystickError `forbidden` when the caller's role lacks the permission
 */
export function requirePermission(caller: Caller, permission: Permission): void {
  if (permissionsByRole[caller.role].has(permission)) return;
  throw new TallystickError('forbidden', `The role ${caller.role} may not do this.`, {
    fields: { role: caller.role, permission },
  });
}

/**
 * What is not of one domain (policies, components, keys, the stock of authenticators, the audit)
 * is out of reach for a key that is.
 *
 * @throws TallystickError `forbidden`
 */
export function requireUnscoped(caller: Caller): void {
  if (caller.domainId === null) return;
  throw new TallystickError('forbidden', 'A key that is bound to a domain may not do this.');
}

/**
 * Whoever holds an administrator's device and knows its PIN can sign in as him, and so can who may guess as
 * often as he likes: who may not make administrators may not hand one a device, change it or its PIN, or
 * lift his lock either.
 *
 * @throws TallystickError `forbidden`
 */
export function requireAbove(caller: Caller, { administratorRole }: User): void {
  if (administratorRole === null) return;
  requirePermission(caller, 'users.write');
  requireUnscoped(caller);
}

/**
 * The key may have been deleted, or its component, since the edge looked it up.
 *
 * @throws TallystickError `unauthenticated` without a key, `forbidden` without a component
 */
export function requireStanding(
  configuration: Configuration,
  caller: Caller,
  nowMs: number,
): ResolvedComponent {
  requireLiveKey(configuration, caller, nowMs);
  const resolved = configuration.resolve(caller);
  if (resolved !== null) return resolved;
  throw new TallystickError('forbidden', 'No component covers this address for this key.', {
    fields: { reason: 'component-unknown', componentType: caller.componentType },
  });
}

/**
 * A caller without a key is let in, or not, by the component that covers him.
 *
 * @throws TallystickError `unauthenticated` when the caller's key is gone, expired or another's now
 */
export function requireLiveKey(configuration: Configuration, caller: Caller, nowMs: number): void {
  if (caller.keyId === null || isLiveKey(configuration, caller, nowMs)) return;
  throw new TallystickError('unauthenticated', 'The API key is not valid.');
}

/** Whether the caller's key is still there, has not expired and is what it was. */
export function isLiveKey(
  configuration: Configuration,
  { keyId, role, domainId }: Caller,
  nowMs: number,
): boolean {
  const key = keyId === null ? null : configuration.apiKeyById(keyId);
  if (key === null || (key.expiresAtMs !== null && key.expiresAtMs <= nowMs)) return false;
  return key.role === role && key.domainId === domainId;
}

/**
 * The domain that a request means: the named one, else the key's own, else `master`. A key bound
 * to a domain learns nothing about others, not even whether they exist.
 *
 * @returns null when no such domain exists
 * @throws TallystickError `forbidden` when the key is bound to another domain
 */
export function targetDomain(
  configuration: Configuration,
  caller: Caller,
  domainName: string | null,
): Domain | null {
  const own = caller.domainId === null ? null : configuration.domainById(caller.domainId);
  if (domainName === null) return own ?? configuration.domainByName(masterDomainName);
  const named = configuration.domainByName(domainName);
  if (caller.domainId === null || named?.id === caller.domainId) return named;
  throw new TallystickError('forbidden', 'The API key is bound to another domain.');
}
