import { join } from 'node:path';
import { framed } from '../offline/bytes.ts';
import { emptyLog } from '../offline/log.ts';
import { fingerprintOf, readPublicKey } from '../offline/keys.ts';
import { openSealed } from '../offline/seal.ts';
import { AgentError, setupError } from './agent-error.ts';
import { createApi, type Enrolled } from './api.ts';
import { type BegunEnrolment, readBegun, removeBegun, writeBegun } from './begun.ts';
import { heard } from './clock.ts';
import {
  type AgentConfig,
  isEnrolled,
  makeStateFolder,
  readConfig,
  readPrivateText,
  writeConfig,
} from './config.ts';
import { fileSecret } from './device-secret.ts';
import { explainedRefusal } from './enrol-refusals.ts';
import type { AgentEnv, Instant } from './env.ts';
import { exchangeWith, type Patience } from './http.ts';
import {
  createFileIdentity,
  destroyFileIdentity,
  type Identity,
  openFileIdentity,
} from './identity.ts';
import { keyFolderOf, openKeys, stateLabel } from './keys.ts';
import { takeLock } from './lock-file.ts';
import { createHardwareIdentity, destroyHardware, openHardware } from './p11.ts';
import type { Agent } from './agent.ts';
import { newState, writeState } from './state.ts';

export interface EnrolmentRequest {
  readonly server: string;
  readonly keyFile: string;
  readonly ca: string | null;
  readonly name: string;
  readonly mode: AgentConfig['mode'];
  /** Of mode `hw`: the p11Token. */
  readonly moduleUri: string | null;
  /** Fingerprint of the server's signing key, where it is known beforehand. */
  readonly serverKey: string | null;
}

/** Another enrolment waits for the server, at most. */
const lockWaitMs = 30_000;

/**
 * Makes this computer known to the server, and the server's signing key known here. Whatever interrupts it,
 * the same again ends it, with the same key and as the same agent.
 *
 * @returns the fingerprint of that key, to be compared with what the server shows
 * @throws AgentError usage when there is an agent already, refused, untrusted when the key is another
 */
export async function enrol(
  env: AgentEnv,
  folder: string,
  request: EnrolmentRequest,
  patience: Patience,
): Promise<{ readonly agentId: string; readonly serverKey: string }> {
  await makeStateFolder(env, folder);
  const lock = await takeLock(env, join(folder, 'lock'), lockWaitMs);
  try {
    if (await isEnrolled(env, folder)) {
      const remedy = 'tallystick-agent reset removes it';
      throw setupError('usage', `${folder} has an agent already: ${remedy}`);
    }
    return await enrolAlone(env, folder, request, patience);
  } catch (error) {
    throw error instanceof AgentError ? explainedRefusal(error, request) : error;
  } finally {
    await lock.release();
  }
}

async function enrolAlone(
  env: AgentEnv,
  folder: string,
  request: EnrolmentRequest,
  patience: Patience,
): Promise<{ readonly agentId: string; readonly serverKey: string }> {
  const wanted = wantedKey(request.serverKey);
  const exchange = exchangeWith(request.server, request.ca, patience);
  const apiKey = await readPrivateText(env, request.keyFile);
  const made = await identityFor(env, folder, request);
  try {
    const api = createApi({ exchange, apiKey, identity: made.identity, agentId: '' });
    const { name, mode } = request;
    const askedAt = env.now();
    const enrolled = await api.enrol({ name, keyMode: mode, countsFailures: false });
    const fingerprint = pinned(enrolled, wanted);
    await settle(env, folder, request, made, { ...enrolled, askedAt });
    return { agentId: enrolled.agentId, serverKey: fingerprint };
  } catch (error) {
    throw await afterFailure(env, folder, made, error);
  } finally {
    await made.close();
  }
}

/** A key stays that the server may have taken in; one that it has just refused does not. */
async function afterFailure(
  env: AgentEnv,
  folder: string,
  { isNew, hardware }: MadeIdentity,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof AgentError)) return error;
  if (error.code === 'revoked') {
    const remedy = 'tallystick-agent reset removes it, and the next enrolment brings another';
    return setupError('revoked', `the server has revoked the key of this computer: ${remedy}`);
  }
  if (error.code === 'refused' && isNew) {
    await destroyBegun(env, folder, hardware);
    await removeBegun(env, folder);
  }
  return error;
}

interface MadeIdentity {
  readonly identity: Identity;
  readonly hardware: AgentConfig['hardware'];
  /** Never shown to a server before. */
  readonly isNew: boolean;
  readonly close: () => Promise<void>;
}

/** The key of an enrolment that was begun before, or a new one, written down before anybody is shown it. */
async function identityFor(
  env: AgentEnv,
  folder: string,
  request: EnrolmentRequest,
): Promise<MadeIdentity> {
  const { mode, moduleUri } = request;
  if ((mode === 'hw') !== (moduleUri !== null)) {
    throw setupError('usage', '--module-uri is given with --mode hw, and only with it');
  }
  const begun = await readBegun(env, folder);
  const isSame = begun !== null && isAsked(begun, request);
  if (begun !== null && begun.agentKey !== null) {
    if (!isSame) throw unended(begun);
    return { ...(await openIdentity(env, folder, begun, begun.agentKey)), isNew: false };
  }
  // In another module, which may be why the first one was given up, a key that nobody knows is left.
  if (isSame) await destroyBegun(env, folder, begun.hardware);
  const hardware = moduleUri === null ? null : { uri: moduleUri, prefix: env.randomUuid() };
  await writeBegun(env, folder, { v: 1, mode, hardware, agentKey: null });
  const agentKey = (await createIdentity(env, folder, hardware)).toString('base64');
  await writeBegun(env, folder, { v: 1, mode, hardware, agentKey });
  return { ...(await openIdentity(env, folder, { hardware }, agentKey)), isNew: true };
}

function isAsked(
  { mode, hardware }: BegunEnrolment,
  request: Pick<EnrolmentRequest, 'mode' | 'moduleUri'>,
): boolean {
  return mode === request.mode && (hardware?.uri ?? null) === request.moduleUri;
}

function unended({ mode, hardware }: BegunEnrolment): AgentError {
  const place = hardware === null ? '' : ` --module-uri ${hardware.uri}`;
  const how = `an enrolment with --mode ${mode}${place} has not ended`;
  return setupError('usage', `${how}: repeat it so, or tallystick-agent reset removes it`);
}

/** @returns its SubjectPublicKeyInfo */
async function createIdentity(
  env: AgentEnv,
  folder: string,
  hardware: AgentConfig['hardware'],
): Promise<Buffer> {
  if (hardware !== null) return createHardwareIdentity(hardware);
  const keys = keyFolderOf(folder);
  await makeStateFolder(env, keys);
  return (await createFileIdentity(env, keys)).spki;
}

async function openIdentity(
  env: AgentEnv,
  folder: string,
  { hardware }: Pick<AgentConfig, 'hardware'>,
  agentKey: string,
): Promise<Omit<MadeIdentity, 'isNew'>> {
  if (hardware === null) {
    const identity = await openFileIdentity(env, keyFolderOf(folder));
    return { identity, hardware, close: () => Promise.resolve() };
  }
  const { identity, close } = await openHardware(hardware, Buffer.from(agentKey, 'base64'));
  return { identity, hardware, close };
}

/** What an enrolment has made that has not ended. */
async function destroyBegun(
  env: AgentEnv,
  folder: string,
  hardware: AgentConfig['hardware'],
): Promise<void> {
  if (hardware === null) await destroyFileIdentity(env, keyFolderOf(folder));
  else await destroyHardware(hardware, [stateLabel]);
}

/** Looked at before the server hears of this computer. @throws AgentError usage */
function wantedKey(text: string | null): string | null {
  const wanted = text?.replaceAll(':', '').toLowerCase() ?? null;
  if (wanted === null || /^[0-9a-f]{64}$/.test(wanted)) return wanted;
  const shape = '--server-key takes 64 hexadecimal digits, with or without colons';
  throw setupError('usage', `${shape}: what "tallystick offline signing-key" shows`);
}

function pinned({ agentId, signingKey }: Enrolled, wanted: string | null): string {
  readPublicKey(signingKey);
  const fingerprint = fingerprintOf(signingKey);
  if (wanted !== null && wanted !== fingerprint) {
    throw setupError(
      'untrusted',
      `the server signs by ${fingerprint}, not by ${wanted}; if it is yours all the same, ` +
        `take back what it has entered: tallystick offline revoke-agent ${agentId}`,
    );
  }
  return fingerprint;
}

/** The configuration comes last: without it nothing is enrolled. */
async function settle(
  env: AgentEnv,
  folder: string,
  request: EnrolmentRequest,
  { identity, hardware }: Pick<MadeIdentity, 'identity' | 'hardware'>,
  { agentId, signingKey, sealedLogKey, serverTimeMs, askedAt }: Enrolled & { askedAt: Instant },
): Promise<void> {
  const { server, keyFile, ca, name, mode } = request;
  const config: AgentConfig = {
    v: 1,
    server,
    keyFile,
    ca,
    name,
    mode,
    agentId,
    agentKey: identity.spki.toString('base64'),
    serverKey: signingKey.toString('base64'),
    hardware,
  };
  const context = framed('ovp1/log', agentId);
  const logKey = await openSealed(identity.spki, identity.agree, context, sealedLogKey);
  await createStateSecret(env, folder, config);
  const keys = await openKeys(env, folder, config, null);
  try {
    const place = { files: env.files, folder, agentId, key: keys.stateKey };
    const state = newState(emptyLog(logKey).key);
    await writeState(place, heard(state, serverTimeMs, askedAt, env.now()));
  } finally {
    logKey.fill(0);
    await keys.close();
  }
  await writeConfig(env, folder, config);
  await removeBegun(env, folder);
}

async function createStateSecret(
  env: AgentEnv,
  folder: string,
  { hardware, agentKey }: AgentConfig,
): Promise<void> {
  if (hardware === null) {
    await fileSecret(env, keyFolderOf(folder)).create(stateLabel);
    return;
  }
  const { secret, close } = await openHardware(hardware, Buffer.from(agentKey, 'base64'));
  try {
    await secret.create(stateLabel);
  } finally {
    await close();
  }
}

/** The agent of a folder. The caller closes its keys. @param share the server's, in mode `ram` */
export async function openAgent(
  env: AgentEnv,
  folder: string,
  log: Agent['log'],
  share: Uint8Array | null = null,
): Promise<Agent> {
  const config = await readConfig(env, folder);
  const keys = await openKeys(env, folder, config, share);
  return { env, folder, config, keys, log };
}
