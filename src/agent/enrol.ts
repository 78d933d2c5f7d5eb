import { framed } from '../offline/bytes.ts';
import { emptyLog } from '../offline/log.ts';
import { fingerprintOf, readPublicKey } from '../offline/keys.ts';
import { openSealed } from '../offline/seal.ts';
import { setupError } from './agent-error.ts';
import { createApi, type Enrolled } from './api.ts';
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
import type { AgentEnv, Instant } from './env.ts';
import { exchangeWith, type Patience } from './http.ts';
import { createFileIdentity, destroyFileIdentity, type Identity } from './identity.ts';
import { keyFolderOf, openKeys, stateLabel } from './keys.ts';
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

/**
 * Makes this computer known to the server, and the server's signing key known here.
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
  if (await isEnrolled(env, folder)) {
    throw setupError('usage', `${folder} has an agent already: tallystick-agent reset removes it`);
  }
  const wanted = wantedKey(request.serverKey);
  const exchange = exchangeWith(request.server, request.ca, patience);
  const apiKey = await readPrivateText(env, request.keyFile);
  const made = await createIdentity(env, folder, request);
  try {
    const api = createApi({ exchange, apiKey, identity: made.identity, agentId: '' });
    const { name, mode } = request;
    const askedAt = env.now();
    const enrolled = await api.enrol({ name, keyMode: mode, countsFailures: false });
    const fingerprint = pinned(enrolled, wanted);
    await settle(env, folder, request, made, { ...enrolled, askedAt });
    return { agentId: enrolled.agentId, serverKey: fingerprint };
  } catch (error) {
    await made.destroy();
    throw error;
  } finally {
    await made.close();
  }
}

interface MadeIdentity {
  readonly identity: Identity;
  readonly hardware: AgentConfig['hardware'];
  readonly close: () => Promise<void>;
  readonly destroy: () => Promise<void>;
}

async function createIdentity(
  env: AgentEnv,
  folder: string,
  { mode, moduleUri }: EnrolmentRequest,
): Promise<MadeIdentity> {
  if ((mode === 'hw') !== (moduleUri !== null)) {
    throw setupError('usage', '--module-uri is given with --mode hw, and only with it');
  }
  if (moduleUri === null) {
    const keys = keyFolderOf(folder);
    await makeStateFolder(env, keys);
    return {
      identity: await createFileIdentity(env, keys),
      hardware: null,
      close: () => Promise.resolve(),
      destroy: () => destroyFileIdentity(env, keys),
    };
  }
  const hardware = { uri: moduleUri, prefix: env.randomUuid() };
  const spki = await createHardwareIdentity(hardware);
  const { identity, close } = await openHardware(hardware, spki);
  return { identity, hardware, close, destroy: () => destroyHardware(hardware, [stateLabel]) };
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
  { identity, hardware }: MadeIdentity,
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
