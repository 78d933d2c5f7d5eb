import { createAdmission } from './admission.ts';
import { apiKeyAdministration } from './administration/api-keys.ts';
import { assignmentAdministration } from './administration/assignments.ts';
import { authenticatorAdministration } from './administration/authenticators.ts';
import { componentAdministration } from './administration/components.ts';
import { createDesks } from './administration/desk.ts';
import { domainAdministration } from './administration/domains.ts';
import { emergencyAdministration } from './administration/emergency.ts';
import { explainAdministration } from './administration/explain.ts';
import { policyExplanationAdministration } from './administration/explain-policy.ts';
import { driftAdministration } from './administration/drift.ts';
import { gatewayAdministration } from './administration/gateways.ts';
import { offlineAdministration } from './administration/offline.ts';
import { pinAdministration } from './administration/pins.ts';
import { overviewAdministration } from './administration/overview.ts';
import { policyAdministration } from './administration/policies.ts';
import { revealAdministration } from './administration/emergency-reveal.ts';
import { staticPasswordAdministration } from './administration/static-passwords.ts';
import { unlockCodeAdministration } from './administration/unlock-codes.ts';
import { userAdministration } from './administration/users.ts';
import type { Caller, Service } from './api.ts';
import { authenticate } from './authenticate.ts';
import { createConfigurationCache } from './configuration.ts';
import { type Context, defaultLimits, type ServiceDeps } from './deps.ts';
import { expireEmergencyCodes } from './emergency/expire.ts';
import { watch } from './health.ts';
import { apiKeySha256, systemRandom } from './identifiers.ts';
import { issueChallenge } from './issue-challenge.ts';
import { noteSilentWorkstations } from './offline/silent.ts';
import { createOffline } from './offline/use-cases.ts';
import { changeBackEndPassword, changePassword } from './passwords/change.ts';
import { createPasswordHash } from './passwords/hash.ts';
import type { Delivery } from './ports.ts';
import { createSessions } from './sessions.ts';
import { synchronise } from './synchronise.ts';
import { verifySignature } from './verify-signature.ts';

const noDelivery: Delivery = {
  // Gateways may be made for other servers on this database.
  obstacleTo: () => null,
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the port rejects with plain data
  send: () => Promise.reject({ kind: 'contract', detail: 'this server sends nothing' }),
};

/** An unknown key reloads the configuration, but not more often than this. */
const unknownKeyReloadMs = 1000;

/** The use cases over one store and one module. */
export function createService(deps: ServiceDeps): Service {
  const context = contextOf(deps);
  const admission = createAdmission(context.limits.inFlightMax);
  const syncAdmission = createAdmission(context.limits.syncsInFlightMax);
  const atDesk = createDesks(context, admission);
  return {
    identify: createIdentify(context),
    keylessCaller,
    authenticate: (caller, request) =>
      admission.admit(() => authenticate(context, caller, request)),
    issueChallenge: (caller, request) =>
      admission.admit(() => issueChallenge(context, caller, request)),
    synchronise: (caller, request) =>
      admission.admit(() => syncAdmission.admit(() => synchronise(context, caller, request))),
    verifySignature: (caller, request) =>
      admission.admit(() => verifySignature(context, caller, request)),
    changePassword: (caller, request) =>
      admission.admit(() => changePassword(context, caller, request)),
    changeBackEndPassword: (caller, request) =>
      admission.admit(() => changeBackEndPassword(context, caller, request)),
    ...createSessions(context, admission),
    offline: createOffline(atDesk, context.limits),
    administration: {
      ...domainAdministration(atDesk),
      ...userAdministration(atDesk),
      ...staticPasswordAdministration(atDesk),
      ...authenticatorAdministration(atDesk),
      ...assignmentAdministration(atDesk),
      ...unlockCodeAdministration(atDesk),
      ...driftAdministration(atDesk),
      ...pinAdministration(atDesk),
      ...emergencyAdministration(atDesk),
      ...revealAdministration(atDesk),
      ...policyAdministration(atDesk),
      ...policyExplanationAdministration(atDesk),
      ...componentAdministration(atDesk),
      ...apiKeyAdministration(atDesk),
      ...gatewayAdministration(atDesk),
      ...offlineAdministration(atDesk),
      ...overviewAdministration(atDesk),
      ...explainAdministration(atDesk),
    },
    readiness: async () => {
      const reasons = await unreadyReasons(context, admission.isDraining());
      return { ready: reasons.length === 0, reasons };
    },
    purge: async () => {
      await expireEmergencyCodes(context);
      await noteSilentWorkstations(context);
      return context.store.purge(context.clock.nowMs(), context.limits.purgeRowsMax);
    },
    drain: () => admission.drain(),
  };
}

function contextOf(deps: ServiceDeps): Context {
  const limits = { ...defaultLimits, ...deps.limits };
  const { store, module, health } = watch(deps, deps.instance);
  return {
    store,
    module,
    health,
    clock: deps.clock,
    instance: deps.instance,
    startedAtMs: deps.clock.nowMs(),
    randomBytes: deps.randomBytes ?? systemRandom,
    limits,
    configuration: createConfigurationCache(store),
    delivery: deps.delivery ?? noDelivery,
    deliveries: createAdmission(limits.deliveriesInFlightMax),
    sendingTo: new Set(),
    backEnd: deps.backEnd ?? null,
    passwordHash: deps.passwordHash ?? createPasswordHash(),
    offline: deps.offline ?? null,
    onSilent: deps.onSilent ?? (() => undefined),
    logon: { lane: 'logon', deadlineMs: limits.logonDeadlineMs },
    sync: { lane: 'sync', deadlineMs: limits.syncDeadlineMs },
    background: { lane: 'background', deadlineMs: limits.backgroundDeadlineMs },
  };
}

/**
 * Looks keys up in the cached configuration. A stale answer is harmless: every use case checks the
 * caller's key again under the configuration that its own reading says is the newest.
 */
function createIdentify(context: Context): Service['identify'] {
  let reloadedAtMs = Number.NEGATIVE_INFINITY;
  return async (keyText, peerAddress, requestId): Promise<Caller | null> => {
    const keySha256 = apiKeySha256(keyText);
    if (keySha256 === null) return null;
    const current = await context.configuration.current();
    let key = current.apiKeyBySha256(keySha256);
    const monotonicMs = context.clock.monotonicMs();
    if (key === null && monotonicMs - reloadedAtMs >= unknownKeyReloadMs) {
      // Made through another instance, perhaps; or a guess, which must not cost a load each.
      reloadedAtMs = monotonicMs;
      key = (await context.configuration.reload()).apiKeyBySha256(keySha256);
    }
    if (key === null) return null;
    if (key.expiresAtMs !== null && key.expiresAtMs <= context.clock.nowMs()) return null;
    const { id: keyId, name: keyName, role, componentType, domainId } = key;
    return { keyId, keyName, role, componentType, domainId, peerAddress, requestId };
  };
}

/** He can do what a client can, and only where a component lets him in by his address. */
function keylessCaller(componentType: string, peerAddress: string, requestId: string): Caller {
  const keyName = `program of type ${componentType}`;
  return {
    keyId: null,
    keyName,
    role: 'client',
    componentType,
    domainId: null,
    peerAddress,
    requestId,
  };
}

async function unreadyReasons(context: Context, isDraining: boolean): Promise<string[]> {
  if (isDraining) return ['the server is shutting down'];
  const reasons: string[] = [];
  const { state, reason } = await context.health.module();
  if (state !== 'ready') reasons.push(`module ${state}${reason === '' ? '' : `: ${reason}`}`);
  const fault = await context.health.store();
  if (fault !== null) reasons.push(`database: ${fault.message}`);
  return reasons;
}
