import type { ApiKey, Component, Domain, Policy } from '../domain/model.ts';
import { nameKey } from '../domain/names.ts';
import { predefinedPolicies } from '../domain/policy.ts';
import { doneOutcome, localOperator } from './audit-entries.ts';
import { masterDomainName } from './configuration.ts';
import { type RandomBytes, systemRandom, uuidV7 } from './identifiers.ts';
import type { AuditEntry, ConfigurationSnapshot, RecordChange } from './store.ts';

/** The component type of administrators' keys. */
const administrationComponentType = 'administration';
/** The component type of programs that authenticate users. */
export const restClientComponentType: string = 'rest-client';

/** The name of the key that `init` writes to a file. */
export const firstAdministratorKeyName: string = 'first-administrator';

const loopback = ['127.0.0.0/8', '::1/128'] as const;

/** Those of programs that speak SOAP have the names that such programs send. */
const predefinedComponents = [
  {
    componentType: administrationComponentType,
    access: 'api-key',
    policyName: 'Administration Logon',
  },
  { componentType: restClientComponentType, access: 'api-key', policyName: 'Local Authentication' },
  { componentType: 'SOAP Auth Client', access: 'address', policyName: 'Local Authentication' },
  {
    componentType: 'Administration Program',
    access: 'address',
    policyName: 'Administration Logon',
  },
] as const;

export interface Installation {
  /** Empty when nothing is missing. */
  readonly changes: readonly RecordChange[];
  readonly audit: AuditEntry;
}

/**
 * What `tallystick init` still has to write: the domain `master`, the predefined policies,
 * components reachable from loopback only, and the first administrator's key. Names that exist
 * are left alone, so an interrupted `init` is completed by the next and a finished one changes
 * nothing.
 *
 * @param snapshot what is there
 * @param adminKeySha256 `sha256Hex` of a key from `newApiKeyText`; left out when a key of that name
 *   exists
 */
export function installationRecords(
  snapshot: ConfigurationSnapshot,
  given: {
    readonly nowMs: number;
    readonly adminKeySha256: string;
    readonly randomBytes?: RandomBytes;
  },
): Installation {
  const { nowMs, adminKeySha256, randomBytes = systemRandom } = given;
  const newId = (): string => uuidV7(nowMs, randomBytes);
  const policies = missingPolicies(snapshot, newId);
  const changes: RecordChange[] = [
    ...missingDomains(snapshot, nowMs, newId),
    ...policies.map((record): RecordChange => ({ change: 'insert', kind: 'policy', record })),
    ...missingComponents(snapshot, [...snapshot.policies, ...policies], newId),
    ...missingKeys(snapshot, adminKeySha256, nowMs, newId),
  ];
  return {
    changes,
    audit: {
      atMs: nowMs,
      action: 'installation.init',
      outcome: doneOutcome,
      actor: localOperator,
      subject: 'installation',
      requestId: '',
      details: { records: changes.length },
    },
  };
}

function missingDomains(
  snapshot: ConfigurationSnapshot,
  nowMs: number,
  newId: () => string,
): RecordChange[] {
  if (snapshot.domains.some(({ name }) => isSameName(name, masterDomainName))) return [];
  const record: Domain = { id: newId(), name: masterDomainName, createdAtMs: nowMs, version: 1 };
  return [{ change: 'insert', kind: 'domain', record }];
}

/** Parents come first, so that each finds its parent's id. */
function missingPolicies(snapshot: ConfigurationSnapshot, newId: () => string): Policy[] {
  const missing: Policy[] = [];
  for (const { name, parentName, settings } of predefinedPolicies()) {
    const known = [...snapshot.policies, ...missing];
    if (known.some((policy) => isSameName(policy.name, name))) continue;
    const parentId = parentName === null ? null : idOfPolicy(known, parentName);
    missing.push({ id: newId(), name, parentId, settings, version: 1 });
  }
  return missing;
}

function missingComponents(
  snapshot: ConfigurationSnapshot,
  policies: readonly Policy[],
  newId: () => string,
): RecordChange[] {
  // What lets programs in without a key is made once: whoever takes it away means it.
  const isNew = snapshot.components.length === 0;
  const wanted = predefinedComponents.filter(({ access }) => isNew || access === 'api-key');
  return wanted.flatMap(({ componentType, access, policyName }) =>
    loopback.flatMap((location): RecordChange[] => {
      const exists = snapshot.components.some(
        (component) =>
          isSameName(component.componentType, componentType) && component.location === location,
      );
      if (exists) return [];
      const policyId = idOfPolicy(policies, policyName);
      const record: Component = {
        id: newId(),
        componentType,
        location,
        access,
        policyId,
        version: 1,
      };
      return [{ change: 'insert', kind: 'component', record }];
    }),
  );
}

function missingKeys(
  snapshot: ConfigurationSnapshot,
  keySha256: string,
  nowMs: number,
  newId: () => string,
): RecordChange[] {
  if (snapshot.apiKeys.some(({ name }) => isSameName(name, firstAdministratorKeyName))) return [];
  const record: ApiKey = {
    id: newId(),
    name: firstAdministratorKeyName,
    keySha256,
    role: 'admin',
    componentType: administrationComponentType,
    domainId: null,
    expiresAtMs: null,
    createdAtMs: nowMs,
    version: 1,
  };
  return [{ change: 'insert', kind: 'apiKey', record }];
}

function idOfPolicy(policies: readonly Policy[], name: string): string {
  const policy = policies.find((each) => isSameName(each.name, name));
  if (policy === undefined) throw new RangeError('predefined policies name predefined policies');
  return policy.id;
}

function isSameName(left: string, right: string): boolean {
  return nameKey(left) === nameKey(right);
}
