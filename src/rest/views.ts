import type {
  ApiKeyView,
  ApplicationView,
  AuthenticatorView,
  ComponentView,
  PolicyView,
  UserView,
} from '../service/api.ts';

/** Records as the interface shows them: names instead of ids, counters and steps as text. */

export interface UserJson {
  readonly user: string;
  readonly domain: string;
  readonly [member: string]: unknown;
}

export function userJson(view: UserView): UserJson {
  const { userName, domainName, ...rest } = view;
  return { user: userName, domain: domainName, ...rest };
}

export interface AuthenticatorJson {
  readonly serial: string;
  readonly [member: string]: unknown;
}

export function authenticatorJson(view: AuthenticatorView): AuthenticatorJson {
  const { userName, domainName, applications, ...rest } = view;
  return {
    ...rest,
    user: userName,
    domain: domainName,
    applications: applications.map(applicationJson),
  };
}

function applicationJson(view: ApplicationView): object {
  return {
    ...view,
    nextEventCounter: view.nextEventCounter?.toString() ?? null,
    lastStep: view.lastStep?.toString() ?? null,
  };
}

export function policyJson({ name, parentName, settings, version }: PolicyView): object {
  return { name, parent: parentName, settings, version };
}

export function componentJson(view: ComponentView): object {
  const { id, componentType, location, access, policyName, version } = view;
  return { id, type: componentType, location, access, policy: policyName, version };
}

export function apiKeyJson(view: ApiKeyView): object {
  const { componentType, domainName, ...rest } = view;
  return { ...rest, component: componentType, domain: domainName };
}
