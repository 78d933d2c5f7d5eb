import type { Component } from '../../domain/model.ts';
import { TallystickError } from '../../errors.ts';
import { networkText, parseNetwork } from '../address.ts';
import type { Administration, ComponentView } from '../api.ts';
import type { Configuration } from '../configuration.ts';
import { uuidV7 } from '../identifiers.ts';
import { createProblemList, invalidMember } from '../problems.ts';
import { requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { parseRecordName } from './values.ts';
import { componentView } from './views.ts';

type ComponentAdministration = Pick<
  Administration,
  'components' | 'createComponent' | 'updateComponent' | 'deleteComponent'
>;

/** Use cases about components: who may call, from where, under which policy. */
export function componentAdministration(atDesk: AtDesk): ComponentAdministration {
  return {
    components: (caller) =>
      atDesk(caller, 'configuration.read', ({ configuration }) =>
        Promise.resolve(
          configuration.snapshot.components.map((component) =>
            componentView(configuration, component),
          ),
        ),
      ),
    createComponent: (caller, component) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return createComponent(desk, component);
      }),
    updateComponent: (caller, id, set, expected) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return updateComponent(desk, id, set, expected.expectedVersion);
      }),
    deleteComponent: (caller, id) =>
      atDesk(caller, 'configuration.write', async (desk) => {
        requireUnscoped(caller);
        const component = requireComponent(desk.configuration, id);
        requireAnotherStanding(desk, id);
        const { version } = component;
        await administer(desk, 'The component', version, () => ({
          changes: [{ change: 'delete', kind: 'component', id, expectedVersion: version }],
          audit: doneEntry(desk, 'component.delete', subjectOf(component)),
        }));
        await desk.context.configuration.reload();
      }),
  };
}

async function createComponent(
  desk: Desk,
  given: Parameters<Administration['createComponent']>[1],
): Promise<ComponentView> {
  const problems = createProblemList();
  const componentType = problems.parse('type', () => parseRecordName('type', given.componentType));
  const network = parseNetwork(given.location);
  if (network === null) {
    problems.add(
      'location',
      'must be an IP address, or a network without bits behind its prefix, such as 10.1.0.0/16 or ::1/128',
    );
  }
  const policyId = problems.parse('policy', () => policyIdOf(desk.configuration, given.policyName));
  problems.throwIfAny();
  if (componentType === undefined || network === null || policyId === undefined) {
    throw new RangeError('every member was parsed');
  }
  const record: Component = {
    id: uuidV7(desk.nowMs, desk.context.randomBytes),
    componentType,
    location: networkText(network),
    access: given.access,
    policyId,
    version: 1,
  };
  await administer(desk, 'A component of this type and location', null, () => ({
    changes: [{ change: 'insert', kind: 'component', record }],
    audit: doneEntry(desk, 'component.create', subjectOf(record), {
      policy: given.policyName,
      access: given.access,
    }),
  }));
  return componentView(await desk.context.configuration.reload(), record);
}

async function updateComponent(
  desk: Desk,
  id: string,
  { policyName, access }: Parameters<Administration['updateComponent']>[2],
  version: number | null,
): Promise<ComponentView> {
  const component = requireComponent(desk.configuration, id);
  const policyId =
    policyName === undefined ? component.policyId : policyIdOf(desk.configuration, policyName);
  const expectedVersion = version ?? component.version;
  const set = { policyId, access: access ?? component.access };
  await administer(desk, 'The component', expectedVersion, () => ({
    changes: [{ change: 'update', kind: 'component', id, expectedVersion, set }],
    audit: doneEntry(desk, 'component.update', subjectOf(component), {
      ...(policyName === undefined ? {} : { policy: policyName }),
      ...(access === undefined ? {} : { access }),
    }),
  }));
  const configuration = await desk.context.configuration.reload();
  return componentView(configuration, requireComponent(configuration, id));
}

/** Without this component the caller could not even put it back. */
function requireAnotherStanding(desk: Desk, id: string): void {
  if (desk.standing.component.id !== id) return;
  throw new TallystickError('conflict', 'This request itself comes through that component.', {
    fields: { reason: 'in-use' },
  });
}

function requireComponent(configuration: Configuration, id: string): Component {
  const component = configuration.snapshot.components.find((each) => each.id === id);
  if (component === undefined) throw notFound('The component');
  return component;
}

function policyIdOf(configuration: Configuration, name: string): string {
  const policy = configuration.policyByName(name);
  if (policy === null) throw invalidMember('policy', 'must be the name of a policy');
  return policy.id;
}

function subjectOf(component: Component): string {
  return `${component.componentType} ${component.location}`;
}
