import type { Domain, OrganisationalUnit } from '../../domain/model.ts';
import { nameKey } from '../../domain/names.ts';
import { TallystickError } from '../../errors.ts';
import type { Administration } from '../api.ts';
import { masterDomainName } from '../configuration.ts';
import { uuidV7 } from '../identifiers.ts';
import { invalidMember } from '../problems.ts';
import { requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { requireDomain } from './users.ts';
import { parseRecordName } from './values.ts';

type DomainAdministration = Pick<
  Administration,
  'domains' | 'createDomain' | 'deleteDomain' | 'createOrganisationalUnit' | 'organisationalUnits'
>;

interface UnitView {
  readonly name: string;
  readonly parentName: string | null;
}

/** Use cases about domains and their organisational units. */
export function domainAdministration(atDesk: AtDesk): DomainAdministration {
  return {
    domains: (caller) =>
      atDesk(caller, 'users.read', ({ configuration }) =>
        Promise.resolve(
          configuration.snapshot.domains.filter(
            (domain) => caller.domainId === null || domain.id === caller.domainId,
          ),
        ),
      ),
    createDomain: (caller, name) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return createDomain(desk, name);
      }),
    deleteDomain: (caller, name) =>
      atDesk(caller, 'configuration.write', async (desk) => {
        requireUnscoped(caller);
        const domain = desk.configuration.domainByName(name);
        if (domain === null) throw notFound(`The domain ${name}`);
        requireDispensable(domain);
        const { id, version } = domain;
        await administer(desk, `The domain ${name}`, version, () => ({
          changes: [{ change: 'delete', kind: 'domain', id, expectedVersion: version }],
          audit: doneEntry(desk, 'domain.delete', domain.name),
        }));
        await desk.context.configuration.reload();
      }),
    createOrganisationalUnit: (caller, domainName, name, parentName) =>
      atDesk(caller, 'users.write', (desk) => createUnit(desk, domainName, name, parentName)),
    organisationalUnits: (caller, domainName) =>
      atDesk(caller, 'users.read', async (desk) => {
        const domain = requireDomain(desk, domainName);
        const units = await desk.context.store.organisationalUnits(domain.id);
        return units.map((unit) => unitView(unit, units));
      }),
  };
}

/** Requests without a domain mean this one. */
function requireDispensable(domain: Domain): void {
  if (nameKey(domain.name) !== nameKey(masterDomainName)) return;
  throw new TallystickError('conflict', `The domain ${domain.name} is the default and stays.`, {
    fields: { reason: 'default-domain' },
  });
}

async function createDomain(desk: Desk, given: string): Promise<Domain> {
  const name = parseDomainName(given);
  const record: Domain = {
    id: uuidV7(desk.nowMs, desk.context.randomBytes),
    name,
    createdAtMs: desk.nowMs,
    version: 1,
  };
  await administer(desk, `The domain ${name}`, null, () => ({
    changes: [{ change: 'insert', kind: 'domain', record }],
    audit: doneEntry(desk, 'domain.create', name),
  }));
  await desk.context.configuration.reload();
  return record;
}

/** @throws TallystickError `request-invalid`: the audit names users as domain/user, and no two alike */
function parseDomainName(given: string): string {
  const name = parseRecordName('name', given);
  if (name.includes('/')) throw invalidMember('name', 'must not hold "/"');
  return name;
}

async function createUnit(
  desk: Desk,
  domainName: string | null,
  given: string,
  parentName: string | null,
): Promise<UnitView> {
  const domain = requireDomain(desk, domainName);
  const name = parseRecordName('name', given);
  const units = await desk.context.store.organisationalUnits(domain.id);
  const parent = parentName === null ? null : findUnit(units, parentName);
  if (parent === undefined) {
    throw invalidMember('parent', 'must be an organisational unit of the domain');
  }
  const record: OrganisationalUnit = {
    id: uuidV7(desk.nowMs, desk.context.randomBytes),
    domainId: domain.id,
    name,
    parentId: parent?.id ?? null,
    version: 1,
  };
  await administer(desk, `The organisational unit ${name}`, null, () => ({
    changes: [{ change: 'insert', kind: 'organisationalUnit', record }],
    audit: doneEntry(desk, 'organisational-unit.create', `${domain.name}/${name}`),
  }));
  return { name, parentName: parent?.name ?? null };
}

function findUnit(
  units: readonly OrganisationalUnit[],
  name: string,
): OrganisationalUnit | undefined {
  return units.find((unit) => nameKey(unit.name) === nameKey(name));
}

function unitView(unit: OrganisationalUnit, units: readonly OrganisationalUnit[]): UnitView {
  const parent = units.find((other) => other.id === unit.parentId);
  return { name: unit.name, parentName: parent?.name ?? null };
}
