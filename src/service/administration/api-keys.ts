import type { ApiKey } from '../../domain/model.ts';
import { nameKey } from '../../domain/names.ts';
import { TallystickError } from '../../errors.ts';
import type { Administration, ApiKeyView } from '../api.ts';
import type { Configuration } from '../configuration.ts';
import { newApiKeyText, sha256Hex, uuidV7 } from '../identifiers.ts';
import { createProblemList, invalidMember } from '../problems.ts';
import { requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { checkInstant, parseRecordName } from './values.ts';
import { apiKeyView } from './views.ts';

type ApiKeyAdministration = Pick<Administration, 'apiKeys' | 'createApiKey' | 'deleteApiKey'>;

const roles: readonly string[] = ['admin', 'helpdesk', 'auditor', 'client'];

/** Use cases about API keys. Only their SHA-256 is ever stored. */
export function apiKeyAdministration(atDesk: AtDesk): ApiKeyAdministration {
  return {
    apiKeys: (caller) =>
      atDesk(caller, 'configuration.read', ({ configuration }) => {
        requireUnscoped(caller);
        return Promise.resolve(
          configuration.snapshot.apiKeys.map((key) => apiKeyView(configuration, key)),
        );
      }),
    createApiKey: (caller, key) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return createApiKey(desk, key);
      }),
    deleteApiKey: (caller, name) =>
      atDesk(caller, 'configuration.write', async (desk) => {
        requireUnscoped(caller);
        const key = findKey(desk.configuration, name);
        if (key === undefined) throw notFound(`The key ${name}`);
        requireAnotherAdministrator(desk, key);
        const { id, version } = key;
        await administer(desk, `The key ${name}`, version, () => ({
          changes: [{ change: 'delete', kind: 'apiKey', id, expectedVersion: version }],
          audit: doneEntry(desk, 'api-key.delete', key.name),
        }));
        await desk.context.configuration.reload();
      }),
  };
}

async function createApiKey(
  desk: Desk,
  given: Parameters<Administration['createApiKey']>[1],
): Promise<{ readonly key: string; readonly view: ApiKeyView }> {
  const { configuration, context, nowMs } = desk;
  const problems = createProblemList();
  const name = problems.parse('name', () => parseRecordName('name', given.name));
  const componentType = problems.parse('component', () =>
    parseRecordName('component', given.componentType),
  );
  if (!roles.includes(given.role)) problems.add('role', `must be one of ${roles.join(', ')}`);
  problems.parse('expiresAtMs', () => checkInstant('expiresAtMs', given.expiresAtMs));
  const domainId = problems.parse('domain', () => domainIdOf(configuration, given.domainName));
  problems.throwIfAny();
  if (name === undefined || componentType === undefined || domainId === undefined) {
    throw new RangeError('every member was parsed');
  }
  // The name has no unique column; a name that two keys share could not be deleted by name.
  if (findKey(configuration, name) !== undefined) {
    throw new TallystickError('conflict', `The key ${name} exists already.`, {
      fields: { reason: 'exists' },
    });
  }
  const key = newApiKeyText(context.randomBytes);
  const { role, expiresAtMs } = given;
  const record: ApiKey = {
    id: uuidV7(nowMs, context.randomBytes),
    name,
    keySha256: sha256Hex(key),
    role,
    componentType,
    domainId,
    expiresAtMs,
    createdAtMs: nowMs,
    version: 1,
  };
  await administer(desk, `The key ${name}`, null, () => ({
    changes: [{ change: 'insert', kind: 'apiKey', record }],
    audit: doneEntry(desk, 'api-key.create', name, {
      role,
      keyComponent: componentType,
      domain: given.domainName,
      expiresAtMs,
    }),
  }));
  return { key, view: apiKeyView(await context.configuration.reload(), record) };
}

function domainIdOf(configuration: Configuration, domainName: string | null): string | null {
  if (domainName === null) return null;
  const domain = configuration.domainByName(domainName);
  if (domain === null) throw invalidMember('domain', 'must be the name of a domain');
  return domain.id;
}

function findKey(configuration: Configuration, name: string): ApiKey | undefined {
  return configuration.snapshot.apiKeys.find((key) => nameKey(key.name) === nameKey(name));
}

/** Deleting the last key that may administer everything would lock the installation. */
function requireAnotherAdministrator(desk: Desk, leaving: ApiKey): void {
  const remains = desk.configuration.snapshot.apiKeys.some(
    (key) =>
      key.id !== leaving.id &&
      key.role === 'admin' &&
      key.domainId === null &&
      (key.expiresAtMs === null || key.expiresAtMs > desk.nowMs),
  );
  if (remains || leaving.role !== 'admin' || leaving.domainId !== null) return;
  throw new TallystickError('conflict', 'This is the last key that may administer everything.', {
    fields: { reason: 'last-administrator' },
  });
}
