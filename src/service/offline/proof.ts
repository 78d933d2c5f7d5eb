import type { OfflineAgent } from '../../domain/offline.ts';
import { TallystickError } from '../../errors.ts';
import { constantTimeEqualText } from '../../oath/index.ts';
import { nameKey } from '../../domain/names.ts';
import type { Desk } from '../administration/desk.ts';
import { uuidPattern } from '../identifiers.ts';
import type { AgentProof, Offline } from '../offline-api.ts';
import { formatOf, offlineMac } from './format.ts';

/** How long a nonce is good for, at whichever instance: nothing of it is written down. */
const nonceLifetimeMs = 60_000;
/** Clocks of two instances may differ. */
const clockSkewMs = 5_000;
/** A workstation in use costs no write each time. */
const seenAgainMs = 60_000;
const timeBytes = 8;
const randomBytes = 16;
const macBytes = 32;
const noncePattern = /^[A-Za-z0-9_-]{75}$/;

/** A text that only this server can have made, and not long ago. */
export async function issueNonce(desk: Desk): ReturnType<Offline['nonce']> {
  const { context, nowMs } = desk;
  const time = Buffer.alloc(timeBytes);
  time.writeBigUInt64BE(BigInt(nowMs));
  const random = context.randomBytes(randomBytes);
  const mac = await nonceMac(desk, nowMs, random);
  const nonce = Buffer.concat([time, random, mac]).toString('base64url');
  return { nonce, expiresAtMs: nowMs + nonceLifetimeMs };
}

/**
 * The agent that a request comes from.
 *
 * @throws TallystickError `unauthenticated` (reason `agent-proof` or `agent-nonce`), `forbidden` (reason
 *   `agent-revoked`)
 */
export async function requireAgent(desk: Desk, proof: AgentProof): Promise<OfflineAgent> {
  const { agentId } = proof;
  if (agentId === null || !uuidPattern.test(agentId)) throw unproven();
  await requireNonce(desk, proof);
  const agent = await desk.context.store.offlineAgentById(agentId);
  const isOfCaller =
    agent !== null && nameKey(agent.componentType) === nameKey(desk.caller.componentType);
  if (!isOfCaller) throw unproven();
  requireSignature(desk, proof, agentId, agent.publicKey);
  requireActive(agent);
  await noteSeen(desk, agent);
  return agent;
}

/** Not by the version: nothing that anybody judges by has changed. */
async function noteSeen({ context, nowMs }: Desk, agent: OfflineAgent): Promise<void> {
  if (nowMs - agent.lastSeenAtMs < seenAgainMs) return;
  await context.store.touchOfflineAgent(agent.id, nowMs);
}

/**
 * The agent as it is by now, for what two requests at once must not both do.
 *
 * @throws TallystickError `forbidden` (reason `agent-revoked`)
 */
export async function presentAgent({ context }: Desk, agentId: string): Promise<OfflineAgent> {
  return requireActive(await context.store.offlineAgentById(agentId));
}

/** @throws TallystickError `forbidden` (reason `agent-revoked`) */
export function requireActive(agent: OfflineAgent | null): OfflineAgent {
  if (agent?.state === 'active') return agent;
  throw new TallystickError('forbidden', 'The workstation was revoked: enrol it anew.', {
    fields: { reason: 'agent-revoked' },
  });
}

/** As `requireAgent`, for one that enrols: it has this key. */
export async function requireKeyHolder(
  desk: Desk,
  proof: AgentProof,
  spki: Uint8Array,
): Promise<void> {
  if (proof.agentId !== null) throw unproven();
  await requireNonce(desk, proof);
  requireSignature(desk, proof, '', spki);
}

function requireSignature(
  { context }: Desk,
  { nonce, signature, method, path, body }: AgentProof,
  agentId: string,
  spki: Uint8Array,
): void {
  const request = { agentId, method, path, nonce: nonce ?? '', body };
  const isProven = signature !== null && formatOf(context).isProven(spki, request, signature);
  if (!isProven) throw unproven();
}

async function requireNonce(desk: Desk, { nonce }: AgentProof): Promise<void> {
  if (nonce === null) throw unproven();
  if (!noncePattern.test(nonce)) throw stale();
  const bytes = Buffer.from(nonce, 'base64url');
  const issuedAtMs = Number(bytes.readBigUInt64BE(0));
  const ageMs = desk.nowMs - issuedAtMs;
  if (ageMs > nonceLifetimeMs || ageMs < -clockSkewMs) throw stale();
  const random = bytes.subarray(timeBytes, timeBytes + randomBytes);
  const expected = await nonceMac(desk, issuedAtMs, random);
  const given = bytes.subarray(timeBytes + randomBytes);
  const isOurs =
    given.length === macBytes &&
    constantTimeEqualText(given.toString('hex'), Buffer.from(expected).toString('hex'));
  if (!isOurs) throw stale();
}

function nonceMac(
  { context, caller }: Desk,
  issuedAtMs: number,
  random: Uint8Array,
): Promise<Uint8Array> {
  const { keyId } = caller;
  if (keyId === null) throw new TallystickError('forbidden', 'Workstations need an API key.');
  return offlineMac(context, formatOf(context).nonceMessage(keyId, issuedAtMs, random));
}

function unproven(): TallystickError {
  const message =
    'The workstation did not show that it has its key: Tallystick-Agent, Tallystick-Nonce and Tallystick-Proof are needed.';
  return new TallystickError('unauthenticated', message, { fields: { reason: 'agent-proof' } });
}

function stale(): TallystickError {
  const message = 'The nonce is not one of the last minute: ask for another.';
  return new TallystickError('unauthenticated', message, { fields: { reason: 'agent-nonce' } });
}
