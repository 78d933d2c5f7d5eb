/** The audit chain: what is hashed, and whether a chain of events is whole. */
export {
  auditBody,
  auditChain,
  auditHash,
  chainStart,
  chainStartHash,
  verifyChain,
} from './chain.ts';
