import { type Call, type Endpoint, one, type Reply } from './endpoint.ts';
import { componentJson } from './views.ts';
import { TallystickError } from '../errors.ts';
import type { PassedOver, PolicyExplanation } from '../service/index.ts';

const query = ['type', 'address'] as const;

/** Which component and policy rule a request of a type from an address. */
export const policyExplanationEndpoints: readonly Endpoint[] = [
  { method: 'get', path: '/v1/policy-explanation', query, run: explainPolicy },
];

/** `PolicyExplanation` as the interface shows it. */
export interface PolicyExplanationJson extends Pick<PolicyExplanation, 'address' | 'settings'> {
  readonly type: string;
  readonly component: object | null;
  readonly others: readonly (object & Pick<PassedOver, 'reason'>)[];
  readonly types: readonly string[];
  readonly policies: readonly string[];
}

async function explainPolicy({ service, caller, query: given }: Call): Promise<Reply> {
  const { type, address } = given;
  if (type === undefined || address === undefined) {
    const missing = query.filter((name) => given[name] === undefined);
    const fields = Object.fromEntries(missing.map((name) => [name, 'must be given']));
    throw new TallystickError('request-invalid', 'The query is invalid.', { fields });
  }
  return one(explanationJson(await service.administration.explainPolicy(caller, type, address)));
}

function explanationJson(explanation: PolicyExplanation): PolicyExplanationJson {
  const { componentType, address, component, others, componentTypes, policyNames, settings } =
    explanation;
  return {
    type: componentType,
    address,
    component: component === null ? null : componentJson(component),
    others: others.map(({ component: other, reason }) => ({ ...componentJson(other), reason })),
    types: componentTypes,
    policies: policyNames,
    settings,
  };
}
