import type { Component, Policy } from '../../domain/model.ts';
import { nameKey } from '../../domain/names.ts';
import {
  policyCatalogue,
  type PolicySettingName,
  policySettingNames,
} from '../../domain/policy-catalogue.ts';
import { policyChain } from '../../domain/policy.ts';
import { type Address, addressText, isInNetwork, parseAddress, parseNetwork } from '../address.ts';
import type { Administration } from '../api.ts';
import type { Configuration } from '../configuration.ts';
import type { ExplainedSetting, PassedOver, PolicyExplanation } from '../policy-explanation.ts';
import { invalidMember } from '../problems.ts';
import { requireUnscoped } from './access.ts';
import type { AtDesk } from './desk.ts';
import { parseRecordName } from './values.ts';
import { componentView } from './views.ts';

/** Which component and policy rule a request, and why. */
export function policyExplanationAdministration(
  atDesk: AtDesk,
): Pick<Administration, 'explainPolicy'> {
  return {
    explainPolicy: (caller, componentType, address) =>
      atDesk(caller, 'configuration.read', ({ configuration }) => {
        requireUnscoped(caller);
        const type = parseRecordName('type', componentType);
        return Promise.resolve(explained(configuration, type, readAddress(address)));
      }),
  };
}

/** @throws TallystickError `request-invalid`, member `address` */
function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address !== null) return address;
  throw invalidMember(
    'address',
    'must be one IPv4 or IPv6 address, such as 10.1.0.7 or 2001:db8::7, and no network',
  );
}

function explained(
  configuration: Configuration,
  componentType: string,
  address: Address,
): PolicyExplanation {
  const { components, policies } = configuration.snapshot;
  const text = addressText(address);
  const serving = configuration.covering(componentType, text)?.component ?? null;
  const others = components.filter(
    (one) => nameKey(one.componentType) === nameKey(componentType) && one.id !== serving?.id,
  );
  const chain = serving === null ? [] : policyChain(serving.policyId, policies);
  return {
    componentType: serving?.componentType ?? componentType,
    address: text,
    component: serving === null ? null : componentView(configuration, serving),
    others: others.map((one) => ({
      component: componentView(configuration, one),
      reason: reasonOf(one, address),
    })),
    componentTypes: [...new Set(components.map((one) => one.componentType))].sort(),
    policyNames: chain.map(({ name }) => name),
    settings: serving === null ? {} : settingsOf(chain),
  };
}

/** Only in a network that is smaller than its own can it have been passed over for another. */
function reasonOf({ location }: Component, address: Address): PassedOver['reason'] {
  const network = parseNetwork(location);
  if (network !== null && network.family !== address.family) return 'other-family';
  return network !== null && isInNetwork(address, network) ? 'less-specific' : 'elsewhere';
}

function settingsOf(chain: readonly Policy[]): PolicyExplanation['settings'] {
  return Object.fromEntries(policySettingNames.map((name) => [name, settingOf(name, chain)]));
}

function settingOf(name: PolicySettingName, chain: readonly Policy[]): ExplainedSetting {
  const { unit, default: byDefault, description } = policyCatalogue[name];
  const set = chain
    .filter(({ settings }) => Object.hasOwn(settings, name))
    .map(({ name: from, settings }) => ({ from, value: settings[name] }));
  const [nearest = { from: '', value: byDefault }, ...overrides] = set;
  return { ...nearest, unit, default: byDefault, description, overrides };
}
