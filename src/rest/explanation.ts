import { type Call, type Endpoint, one, type Reply } from './endpoint.ts';
import { readWholeNumber } from './input.ts';
import type {
  AdministrationEvent,
  ApplicationNow,
  AuthenticatorNow,
  ExplainedAttempt,
  ExplainedEvent,
  StepNow,
  UserExplanation,
} from '../service/explanation.ts';

/** Why the last attempts on a user ended as they did. */
export const explanationEndpoints: readonly Endpoint[] = [
  {
    method: 'get',
    path: '/v1/users/:user/explanation',
    query: ['domain', 'limit', 'policy'],
    run: explainUser,
  },
];

export interface StepJson {
  readonly step: string;
  readonly beginsAtMs: number;
}

export type ApplicationNowJson = Omit<ApplicationNow, keyof Steps | 'nextEventCounter'> &
  Steps & { readonly nextEventCounter: string | null };

interface Steps {
  readonly last: StepJson | null;
  readonly expected: StepJson | null;
  readonly lowest: StepJson | null;
}

export type AttemptJson = Omit<ExplainedAttempt, 'policyName' | 'applicationName'> & {
  readonly policy: string | null;
  readonly application: string | null;
};

export type EventJson = AttemptJson | AdministrationEvent;

export type AuthenticatorNowJson = Omit<AuthenticatorNow, 'applications'> & {
  readonly applications: readonly ApplicationNowJson[];
};

/** `UserExplanation` as the interface shows it. */
export interface UserExplanationJson extends Pick<
  UserExplanation,
  'atMs' | 'account' | 'policyFrom'
> {
  readonly user: string;
  readonly domain: string;
  readonly policy: string;
  readonly authenticators: readonly AuthenticatorNowJson[];
  readonly events: readonly EventJson[];
}

async function explainUser({ service, caller, path, query }: Call): Promise<Reply> {
  const range = { name: 'limit', least: 1, most: 100, byDefault: 20 };
  const explanation = await service.administration.explainUser(
    caller,
    query['domain'] ?? null,
    path['user'] ?? '',
    readWholeNumber(query['limit'], range),
    query['policy'] ?? null,
  );
  return one(explanationJson(explanation));
}

function explanationJson(explanation: UserExplanation): UserExplanationJson {
  const { userName, domainName, policyName, authenticators, events, ...rest } = explanation;
  return {
    user: userName,
    domain: domainName,
    policy: policyName,
    ...rest,
    authenticators: authenticators.map(({ applications, ...authenticator }) => ({
      ...authenticator,
      applications: applications.map(applicationJson),
    })),
    events: events.map(eventJson),
  };
}

function applicationJson(application: ApplicationNow): ApplicationNowJson {
  const { nextEventCounter, last, expected, lowest } = application;
  return {
    ...application,
    nextEventCounter: nextEventCounter?.toString() ?? null,
    last: stepJson(last),
    expected: stepJson(expected),
    lowest: stepJson(lowest),
  };
}

function stepJson(now: StepNow | null): StepJson | null {
  return now === null ? null : { ...now, step: now.step.toString() };
}

function eventJson(event: ExplainedEvent): EventJson {
  if (event.kind === 'administration') return event;
  const { policyName, applicationName, ...rest } = event;
  return { ...rest, policy: policyName, application: applicationName };
}
