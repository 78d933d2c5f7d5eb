import type { AuditChain } from '../service/ports.ts';
import type { AuditEvent } from '../service/store.ts';

/** The last event of an instance's chain that is durable, or the chain's start. */
export interface ChainTip {
  readonly sequence: number;
  readonly hash: string;
}

/** An entry with its canonical body, before it has a place in the chain. */
export interface UnchainedEvent {
  readonly atMs: number;
  readonly body: string;
}

export const emptyChain: ChainTip = { sequence: 0, hash: '0'.repeat(64) };

/** The event that follows `tip`; it is the next tip once it is durable. */
export function chained(
  chain: AuditChain,
  instance: string,
  tip: ChainTip,
  event: UnchainedEvent,
): AuditEvent {
  const sequence = tip.sequence + 1;
  return {
    instance,
    sequence,
    atMs: event.atMs,
    body: event.body,
    previousHash: tip.hash,
    hash: chain.hash(instance, sequence, tip.hash, event.body),
  };
}
