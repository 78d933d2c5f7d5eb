import type { Channel, GatewaySettings } from '../domain/gateway.ts';
import type { DeliveryFailure } from './ports.ts';

/** A gateway as it is shown: whether it has a secret, never which. */
export interface GatewayView {
  readonly name: string;
  readonly channel: Channel;
  readonly position: number;
  readonly settings: GatewaySettings;
  readonly hasSecret: boolean;
  readonly isDisabled: boolean;
  readonly version: number;
}

export interface NewGateway {
  readonly name: string;
  readonly channel: Channel;
  /** Null: behind those that the channel has. */
  readonly position: number | null;
  /** JSON form, parsed by `parseGatewaySettings`. */
  readonly settings: unknown;
  readonly secret: string | null;
  readonly isDisabled: boolean;
}

/** What is left out stays as it is. */
export interface GatewayChanges {
  readonly position?: number;
  /** All of them, in place of what was there. */
  readonly settings?: unknown;
  /** Null takes it away. Needed anew where the settings would send the old one elsewhere. */
  readonly secret?: string | null;
  readonly isDisabled?: boolean;
}

export type GatewayTest =
  { readonly outcome: 'sent' } | ({ readonly outcome: 'failed' } & DeliveryFailure);
