import type { Policy } from '../../domain/model.ts';
import {
  type EffectivePolicy,
  policyCatalogue,
  policySettingNames,
} from '../../domain/policy-catalogue.ts';
import { policyCost } from '../../domain/policy-cost.ts';
import {
  effectivePolicy,
  parsePolicySettings,
  policyConflicts,
  policyOrigins,
  policyProblems,
} from '../../domain/policy.ts';
import { TallystickError } from '../../errors.ts';
import type { Administration, Caller, EffectivePolicyView } from '../api.ts';
import type { Configuration } from '../configuration.ts';
import { uuidV7 } from '../identifiers.ts';
import { createProblemList, invalidMember, invalidRequest } from '../problems.ts';
import type { RecordChange } from '../store.ts';
import { requireUnscoped } from './access.ts';
import { administer, type AtDesk, type Desk, doneEntry, notFound } from './desk.ts';
import { parseRecordName } from './values.ts';
import { policyView } from './views.ts';

type PolicyAdministration = Pick<
  Administration,
  'policies' | 'policy' | 'effectivePolicy' | 'savePolicy' | 'deletePolicy'
>;

/** What the cost is counted for: the commonest application. */
const costShape = { digits: 6, timeStepSeconds: 30 } as const;
const auditedSettingsCharactersMax = 2000;

/** Use cases about policies, which are every domain's. */
export function policyAdministration(atDesk: AtDesk): PolicyAdministration {
  return {
    policies: (caller) =>
      atDesk(caller, 'configuration.read', ({ configuration }) =>
        Promise.resolve(
          configuration.snapshot.policies.map((policy) => policyView(configuration, policy)),
        ),
      ),
    policy: (caller, name) =>
      atDesk(caller, 'configuration.read', ({ configuration }) =>
        Promise.resolve(policyView(configuration, requirePolicy(configuration, name))),
      ),
    effectivePolicy: (caller, name) =>
      atDesk(caller, 'configuration.read', ({ configuration }) =>
        Promise.resolve(
          effectiveView(configuration.snapshot.policies, requirePolicy(configuration, name)),
        ),
      ),
    savePolicy: (caller: Caller, name, policy, expected) =>
      atDesk(caller, 'configuration.write', (desk) => {
        requireUnscoped(caller);
        return savePolicy(desk, name, policy, expected.expectedVersion);
      }),
    deletePolicy: (caller, name) =>
      atDesk(caller, 'configuration.write', async (desk) => {
        requireUnscoped(caller);
        const { id, version } = requirePolicy(desk.configuration, name);
        await administer(desk, `The policy ${name}`, version, () => ({
          changes: [{ change: 'delete', kind: 'policy', id, expectedVersion: version }],
          audit: doneEntry(desk, 'policy.delete', name),
        }));
        await desk.context.configuration.reload();
      }),
  };
}

/** @throws TallystickError `not-found` */
export function requirePolicy(configuration: Configuration, name: string): Policy {
  const policy = configuration.policyByName(name);
  if (policy === null) throw notFound(`The policy ${name}`);
  return policy;
}

/**
 * The settings that a policy amounts to.
 *
 * @throws TallystickError `not-found`
 */
export function requireEffectivePolicy(
  configuration: Configuration,
  name: string,
): { readonly name: string; readonly policy: EffectivePolicy } {
  const { id, name: policyName } = requirePolicy(configuration, name);
  return { name: policyName, policy: effectivePolicy(id, configuration.snapshot.policies) };
}

async function savePolicy(
  desk: Desk,
  name: string,
  given: Parameters<Administration['savePolicy']>[2],
  expectedVersion: number | null,
): Promise<EffectivePolicyView> {
  const { configuration } = desk;
  const problems = createProblemList();
  const policyName = problems.parse('name', () => parseRecordName('name', name));
  problems.throwIfAny();
  const parsed = parsePolicySettings(given.settings);
  if (!parsed.ok) throw settingsRefused(parsed.problems);
  const parentId = parentIdOf(configuration, given.parentName);
  const existing = configuration.policyByName(policyName ?? name);
  if (existing === null && expectedVersion !== null) throw notFound(`The policy ${name}`);
  const saved: Policy = {
    id: existing?.id ?? uuidV7(desk.nowMs, desk.context.randomBytes),
    name: policyName ?? name,
    parentId,
    settings: parsed.settings,
    version: existing?.version ?? 1,
  };
  const policies = [
    ...configuration.snapshot.policies.filter((policy) => policy.id !== saved.id),
    saved,
  ];
  checkEveryPolicy(policies, saved);
  const expected = expectedVersion ?? saved.version;
  const settingsText = JSON.stringify(parsed.settings).slice(0, auditedSettingsCharactersMax);
  // With the version that was read: what was checked above must be what is replaced.
  await administer(desk, `The policy ${name}`, expected, () => ({
    changes: [policyChange(saved, existing === null, expected)],
    audit: doneEntry(desk, 'policy.save', saved.name, {
      parent: given.parentName,
      settings: settingsText,
    }),
  }));
  await desk.context.configuration.reload();
  return effectiveView(policies, saved);
}

function policyChange(saved: Policy, isNew: boolean, expectedVersion: number): RecordChange {
  if (isNew) return { change: 'insert', kind: 'policy', record: saved };
  const { id, parentId, settings } = saved;
  return { change: 'update', kind: 'policy', id, expectedVersion, set: { parentId, settings } };
}

function parentIdOf(configuration: Configuration, parentName: string | null): string | null {
  if (parentName === null) return null;
  const parent = configuration.policyByName(parentName);
  if (parent === null) throw invalidMember('parent', 'must be the name of a policy');
  return parent.id;
}

/**
 * A change reaches every descendant: none may end in a circle, above the candidate limits or with
 * settings that contradict each other.
 */
function checkEveryPolicy(policies: readonly Policy[], saved: Policy): void {
  for (const policy of policies) {
    const problems = resolvedProblems(policy, policies, saved);
    if (problems.length === 0) continue;
    if (policy.id === saved.id) throw settingsRefused(problems);
    throw invalidRequest(
      problems.map(({ name, message }) => ({
        member: `settings.${name}`,
        message: `${message} (in the policy ${policy.name}, which inherits)`,
      })),
    );
  }
}

function resolvedProblems(
  policy: Policy,
  policies: readonly Policy[],
  saved: Policy,
): ReturnType<typeof policyProblems> {
  try {
    const effective = effectivePolicy(policy.id, policies);
    return [...policyProblems(effective), ...policyConflicts(effective)];
  } catch (error) {
    // Some other policy may be unresolvable already; that must not keep anybody from mending it.
    if (policy.id !== saved.id) return [];
    if (error instanceof TallystickError) throw invalidMember('parent', error.message);
    throw error;
  }
}

function settingsRefused(
  problems: readonly { readonly name: string; readonly message: string }[],
): TallystickError {
  return invalidRequest(
    problems.map(({ name, message }) => ({
      member: name === 'settings' ? name : `settings.${name}`,
      message,
    })),
  );
}

function effectiveView(policies: readonly Policy[], policy: Policy): EffectivePolicyView {
  const effective = effectivePolicy(policy.id, policies);
  const origins = policyOrigins(policy.id, policies);
  const settings = policySettingNames.map((name) => [
    name,
    { value: effective[name], from: origins[name], unit: policyCatalogue[name].unit },
  ]);
  return {
    name: policy.name,
    settings: Object.fromEntries(settings) as EffectivePolicyView['settings'],
    cost: { ...policyCost(effective, costShape) },
  };
}
