import { z } from 'zod';
import { all, type Call, created, type Endpoint, one, type Reply } from './endpoint.ts';
import { parseBy } from './input.ts';
import type { EmergencyCodeView } from '../service/api.ts';

const issueBody = z.strictObject({
  kind: z.enum(['tokencode', 'passcode', 'fixed', 'one-time']),
  count: z.number().optional(),
  lifetimeDays: z.number().optional(),
  onlineAllowed: z.boolean().optional(),
});
const reasonBody = z.strictObject({ reason: z.string().optional() });
const onlineBody = z.strictObject({ onlineAllowed: z.boolean() });
const approveBody = z.strictObject({ requestedBy: z.string().optional() });
const nothing = z.strictObject({});

const path = '/v1/authenticators/:serial/emergency';
const codePath = `${path}/:id`;

export const emergencyEndpoints: readonly Endpoint[] = [
  { method: 'get', path, run: list },
  { method: 'post', path, body: 'required', run: issue },
  { method: 'patch', path: codePath, body: 'required', run: allowOnline },
  { method: 'delete', path: codePath, run: revoke },
  { method: 'post', path: `${codePath}/reset`, body: 'optional', run: reset },
  // Without a reason it is refused by the use case, which writes that down.
  { method: 'post', path: `${codePath}/reveal`, body: 'optional', run: reveal },
  { method: 'post', path: `${codePath}/approve`, body: 'optional', run: approve },
];

function named({ path: { serial = '', id = '' } }: Call): readonly [serial: string, id: string] {
  return [serial, id];
}

function viewJson({ isOnlineAllowed, ...view }: EmergencyCodeView): object {
  return { ...view, onlineAllowed: isOnlineAllowed };
}

async function list(call: Call): Promise<Reply> {
  const [serial] = named(call);
  const views = await call.service.administration.emergencyCodes(call.caller, serial);
  return all(views.map(viewJson));
}

async function issue(call: Call): Promise<Reply> {
  const { kind, count, lifetimeDays, onlineAllowed } = parseBy(issueBody, call.body);
  const [serial] = named(call);
  const { view, codes } = await call.service.administration.issueEmergencyCode(
    call.caller,
    serial,
    {
      kind,
      count: count ?? null,
      lifetimeDays: lifetimeDays ?? null,
      isOnlineAllowed: onlineAllowed ?? null,
    },
  );
  return created({ ...viewJson(view), codes });
}

async function allowOnline(call: Call): Promise<Reply> {
  const { onlineAllowed } = parseBy(onlineBody, call.body);
  const { administration } = call.service;
  const [serial, id] = named(call);
  return one(
    viewJson(await administration.allowEmergencyOnline(call.caller, serial, id, onlineAllowed)),
  );
}

async function revoke(call: Call): Promise<Reply> {
  const { administration } = call.service;
  return one(viewJson(await administration.revokeEmergencyCode(call.caller, ...named(call))));
}

async function reset(call: Call): Promise<Reply> {
  if (call.body !== undefined) parseBy(nothing, call.body);
  const { administration } = call.service;
  return one(viewJson(await administration.resetEmergencyCode(call.caller, ...named(call))));
}

async function reveal(call: Call): Promise<Reply> {
  const { reason = '' } = parseBy(reasonBody, call.body ?? {});
  const { administration } = call.service;
  const [serial, id] = named(call);
  const answer = await administration.revealEmergencyCode(call.caller, serial, id, reason);
  const { outcome, view } = answer;
  if (answer.outcome === 'revealed') {
    return { status: 200, outcome, body: { ...viewJson(view), outcome, code: answer.code } };
  }
  return { status: 202, outcome, body: { ...viewJson(view), outcome } };
}

async function approve(call: Call): Promise<Reply> {
  const { requestedBy = null } = parseBy(approveBody, call.body ?? {});
  const { administration } = call.service;
  const [serial, id] = named(call);
  return one(
    viewJson(await administration.approveEmergencyReveal(call.caller, serial, id, requestedBy)),
  );
}
