import type { ApiKey, Component, Domain, Policy } from '../domain/model.ts';
import { nameKey } from '../domain/names.ts';
import type { EffectivePolicy } from '../domain/policy-catalogue.ts';
import { effectivePolicy } from '../domain/policy.ts';
import { TallystickError } from '../errors.ts';
import { isInNetwork, type Network, parseAddress, parseNetwork } from './address.ts';
import type { Caller } from './api.ts';
import type { ConfigurationSnapshot, Store } from './store.ts';

/** The domain that a request without one means, and that `init` creates. */
export const masterDomainName: string = 'master';

const resolvedMax = 4096;

/** A component and the settings that rule its requests. */
export interface ResolvedComponent {
  readonly component: Component;
  readonly policyName: string;
  readonly policy: EffectivePolicy;
}

/** One version of all that changes rarely, with the look-ups that every request needs. */
export interface Configuration {
  readonly snapshot: ConfigurationSnapshot;
  readonly version: number;
  domainByName(name: string): Domain | null;
  domainById(id: string): Domain | null;
  policyByName(name: string): Policy | null;
  /**
   * Of every policy, whether a component has it or not.
   *
   * @throws TallystickError `store-contract` when stored policies have no resolution
   */
  effectivePolicies(): readonly EffectivePolicy[];
  apiKeyById(id: string): ApiKey | null;
  apiKeyBySha256(keySha256: string): ApiKey | null;
  /**
   * The caller's component, most specific network first, and its policy; null when none covers the
   * address, or the one that does asks for a key and the caller has none.
   *
   * @throws TallystickError `store-contract` when stored policies have no resolution
   */
  resolve(
    caller: Pick<Caller, 'keyId' | 'componentType' | 'peerAddress'>,
  ): ResolvedComponent | null;
  /**
   * The component of that type with the most specific network around the address, whoever calls.
   *
   * @throws TallystickError `store-contract` when stored policies have no resolution
   */
  covering(componentType: string, peerAddress: string): ResolvedComponent | null;
}

/** The configuration at hand, and the way to a newer one. */
export interface ConfigurationCache {
  /** The cached version, at once when there is one; loaded at the first call. */
  current(): Configuration | Promise<Configuration>;
  /** A load that began after this call; concurrent callers share it. */
  reload(): Promise<Configuration>;
}

export function createConfigurationCache(
  store: Pick<Store, 'loadConfiguration'>,
): ConfigurationCache {
  let cached: Configuration | null = null;
  let running: Promise<Configuration> | null = null;
  let next: Promise<Configuration> | null = null;

  const load = async (): Promise<Configuration> => {
    const snapshot = await store.loadConfiguration();
    if (cached === null || snapshot.version >= cached.version) {
      cached = configurationOf(snapshot);
    }
    return cached;
  };
  const start = (): Promise<Configuration> => {
    const loading = load().finally(() => {
      running = null;
    });
    running = loading;
    return loading;
  };
  const reload = (): Promise<Configuration> => {
    if (running === null) return start();
    // A load that is already under way may have read before the change that the caller knows of.
    next ??= running
      .catch(() => null)
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
  return {
    current: () => cached ?? running ?? start(),
    reload,
  };
}

/** Indexes a snapshot. Exported for tests. */
export function configurationOf(snapshot: ConfigurationSnapshot): Configuration {
  const domainsByKey = new Map(snapshot.domains.map((domain) => [nameKey(domain.name), domain]));
  const domainsById = new Map(snapshot.domains.map((domain) => [domain.id, domain]));
  const policiesByKey = new Map(snapshot.policies.map((policy) => [nameKey(policy.name), policy]));
  const keysById = new Map(snapshot.apiKeys.map((key) => [key.id, key]));
  const keysBySha256 = new Map(snapshot.apiKeys.map((key) => [key.keySha256, key]));
  const located = locateComponents(snapshot.components);
  const policies = policyResolver(snapshot.policies);
  const resolved = new Map<string, ResolvedComponent | null>();

  const cover = (componentType: string, peerAddress: string): Component | null =>
    mostSpecific(located.get(nameKey(componentType)) ?? [], peerAddress);
  const withPolicy = (component: Component | null): ResolvedComponent | null =>
    component === null ? null : { component, ...policies(component.policyId) };

  return {
    snapshot,
    version: snapshot.version,
    domainByName: (name) => domainsByKey.get(nameKey(name)) ?? null,
    domainById: (id) => domainsById.get(id) ?? null,
    policyByName: (name) => policiesByKey.get(nameKey(name)) ?? null,
    effectivePolicies: () => snapshot.policies.map(({ id }) => policies(id).policy),
    apiKeyById: (id) => keysById.get(id) ?? null,
    apiKeyBySha256: (keySha256) => keysBySha256.get(keySha256) ?? null,
    resolve({ keyId, componentType, peerAddress }) {
      const hasKey = keyId !== null;
      const cacheKey = `${hasKey ? 'key' : 'none'} ${peerAddress} ${componentType}`;
      const known = resolved.get(cacheKey);
      if (known !== undefined) return known;
      const covering = cover(componentType, peerAddress);
      const answer = withPolicy(hasKey || covering?.access === 'address' ? covering : null);
      if (resolved.size >= resolvedMax) resolved.clear();
      resolved.set(cacheKey, answer);
      return answer;
    },
    covering: (componentType, peerAddress) => withPolicy(cover(componentType, peerAddress)),
  };
}

interface LocatedComponent {
  readonly network: Network;
  readonly component: Component;
}

/** By component type, the longest prefix first; a location that cannot be read matches nothing. */
function locateComponents(
  components: readonly Component[],
): ReadonlyMap<string, readonly LocatedComponent[]> {
  const byType = new Map<string, LocatedComponent[]>();
  for (const component of components) {
    const network = parseNetwork(component.location);
    if (network === null) continue;
    const key = nameKey(component.componentType);
    const located = byType.get(key) ?? [];
    located.push({ network, component });
    byType.set(key, located);
  }
  for (const located of byType.values()) {
    located.sort((a, b) => b.network.prefixBits - a.network.prefixBits);
  }
  return byType;
}

function mostSpecific(located: readonly LocatedComponent[], peerAddress: string): Component | null {
  const address = parseAddress(peerAddress);
  if (address === null) return null;
  return located.find(({ network }) => isInNetwork(address, network))?.component ?? null;
}

/** Effective policies, each computed once a snapshot. */
function policyResolver(
  policies: readonly Policy[],
): (policyId: string) => { readonly policyName: string; readonly policy: EffectivePolicy } {
  const known = new Map<string, { policyName: string; policy: EffectivePolicy }>();
  return (policyId) => {
    let answer = known.get(policyId);
    if (answer === undefined) {
      answer = resolvePolicy(policyId, policies);
      known.set(policyId, answer);
    }
    return answer;
  };
}

function resolvePolicy(
  policyId: string,
  policies: readonly Policy[],
): { policyName: string; policy: EffectivePolicy } {
  try {
    const policyName = policies.find((policy) => policy.id === policyId)?.name ?? '';
    return { policyName, policy: effectivePolicy(policyId, policies) };
  } catch (cause) {
    throw new TallystickError('store-contract', 'A stored policy cannot be resolved.', { cause });
  }
}
