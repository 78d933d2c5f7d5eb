/**
 * The oracle: an independent model of a verifier. It knows the policies as docs/policies.md describes
 * them and the algorithms as the RFCs do, and imports nothing of the product, so that it shares no
 * mistake with what it judges. It predicts for one user with one device at a time; PINs of the server and
 * static passwords are beyond it.
 */
export type { AccountState } from './account.ts';
export type { ApplicationMemory, Typed } from './application.ts';
export { type Expected, type Fact, type Outcome, outcomes } from './facts.ts';
export type { Subject, SubjectApplication } from './facts.ts';
export { Oracle, type OracleMemory, type OracleState } from './oracle.ts';
export { type Prediction, predictionOf, type Verdict } from './prediction.ts';
export { type Position, type Sequence } from './responder.ts';
export { localAuthentication, type RuleLimit, ruleLimits, type Rules } from './rules.ts';
