import type { ComponentAccess } from '../domain/model.ts';
import type { PolicySetting } from '../domain/policy-setting.ts';

export interface ComponentView {
  readonly id: string;
  readonly componentType: string;
  readonly location: string;
  readonly access: ComponentAccess;
  readonly policyName: string;
  readonly version: number;
}

/** Which rules a request would meet, and where each of them comes from. */
export interface PolicyExplanation {
  readonly componentType: string;
  /** In its canonical form. */
  readonly address: string;
  /** The component that rules the request; null: it would be refused as `component-unknown`. */
  readonly component: ComponentView | null;
  /** The other components of that type. */
  readonly others: readonly PassedOver[];
  /** Every component type that there is, for whoever mistyped one. */
  readonly componentTypes: readonly string[];
  /** The policy of the component, its parent and so on up; empty without a component. */
  readonly policyNames: readonly string[];
  /** By name, in the order of the catalogue; empty without a component. */
  readonly settings: Readonly<Record<string, ExplainedSetting>>;
}

/** A component of the type in question that does not rule the request, and why. */
export interface PassedOver {
  readonly component: ComponentView;
  /**
   * `elsewhere`: the address is not in its network; `other-family`: the one is IPv4, the other IPv6;
   * `less-specific`: the address is in a smaller network of another component.
   */
  readonly reason: 'elsewhere' | 'other-family' | 'less-specific';
}

export interface ExplainedSetting extends Pick<
  PolicySetting<unknown>,
  'unit' | 'default' | 'description'
> {
  readonly value: unknown;
  /** The policy that sets it; '': none does, the value is the catalogue's. */
  readonly from: string;
  /** What its ancestors set in vain, nearest first. */
  readonly overrides: readonly { readonly from: string; readonly value: unknown }[];
}
