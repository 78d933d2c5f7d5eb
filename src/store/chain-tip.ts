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
  /** By which the event is found; not part of what is hashed, which the body is. */
  readonly subjectKey: string;
  readonly body: string;
}

/** An event with its place in the chain, as it is written. */
export type ChainedEvent = AuditEvent & Pick<UnchainedEvent, 'subjectKey'>;

export const emptyChain: ChainTip = { sequence: 0, hash: '0'.repeat(64) };

/** The event that follows `tip`; it is the next tip once it is durable. */
export function chained(
  chain: AuditChain,
  instance: string,
  tip: ChainTip,
  event: UnchainedEvent,
): ChainedEvent {
  const sequence = tip.sequence + 1;
  return {
    instance,
    sequence,
    atMs: event.atMs,
    subjectKey: event.subjectKey,
    body: event.body,
    previousHash: tip.hash,
    hash: chain.hash(instance, sequence, tip.hash, event.body),
  };
}
