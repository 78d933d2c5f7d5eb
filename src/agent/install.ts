import { framed } from '../offline/bytes.ts';
import { entryKeyMessage, keepEntries } from '../offline/entries.ts';
import { blockRange, hasChallenges, type PackageHeader, writeHeader } from '../offline/header.ts';
import { tagKey } from '../offline/keys.ts';
import { OfflineError } from '../offline/offline-error.ts';
import { openPackage, type OpenedPackage } from '../offline/package.ts';
import { parseAlgorithmText, responseCharacters } from '../oath/index.ts';
import { AgentError } from './agent-error.ts';
import { seen } from './clock.ts';
import type { DeviceSecret } from './device-secret.ts';
import { keepCode } from './emergency.ts';
import { type KeptBlock, sealTagKey, tagSealKey, writeEntries } from './entries-file.ts';
import { noted } from './journal.ts';
import { headerOf, isSameName, type UserName, without } from './packages.ts';
import type { Agent, Session } from './agent.ts';
import type { EmergencyState, PackageState } from './state.ts';
import { stretched } from './stretch.ts';

const ranks = { sw: 0, ram: 1, hw: 2 } as const;

/** What a package asks for in front of a response. */
type Asking = Pick<PackageHeader, 'pinMode' | 'isPasswordRequired'>;

/**
 * What stands in front of the response (PIN, or static password and then PIN), and the response; null when
 * it is too short.
 */
export function splitCredential(
  header: Asking & Pick<PackageHeader, 'algorithm'>,
  typed: string,
): { readonly front: string; readonly response: string } | null {
  const characters = responseCharacters(parseAlgorithmText(header.algorithm));
  const at = typed.length - characters;
  const isBare = header.pinMode === 'none' && header.isPasswordRequired !== true;
  const fits = isBare ? at === 0 : at > 0;
  return fits ? { front: typed.slice(0, at), response: typed.slice(at) } : null;
}

/**
 * Slow to try, on purpose; where nothing is asked for in front, nothing. The caller overwrites it.
 *
 * Password and PIN are stretched as the one text that they were typed as: nothing here says where one
 * ends, so that neither can be tried without the other.
 */
export async function stretchedFront(
  { pinMode, isPasswordRequired, kdf }: Asking & Pick<PackageHeader, 'kdf'>,
  front: string,
): Promise<Buffer> {
  if (isPasswordRequired !== true) {
    return pinMode === 'none' ? Buffer.alloc(0) : stretched(front, kdf.salt, kdf);
  }
  // Named, so that it is never what a PIN alone would be; composed, as the server hashes passwords.
  const secret = framed('ovp1/password-and-pin', front.normalize('NFC'));
  try {
    return await stretched(secret, kdf.salt, kdf);
  } finally {
    secret.fill(0);
  }
}

/** The secret of packages. @throws AgentError not-running where only the running agent has it */
export function requireSecret({ keys }: Agent): DeviceSecret {
  if (keys.secret !== null) return keys.secret;
  throw new AgentError('not-running', 'the share of the server is in the memory of "run" alone');
}

/**
 * Takes a package in place of the one before, for the same application.
 *
 * @param typed what the server has just accepted: the PIN, if any, and before it the static password where
 *   the package asks for it, stand in front of the response
 * @param name by which the server was asked
 * @throws AgentError damaged for a package that is forged, foreign, older or not for this agent
 */
export async function install(
  session: Session,
  bytes: Uint8Array,
  typed: string,
  name: UserName,
): Promise<PackageHeader> {
  const { agent } = session;
  const secret = requireSecret(agent);
  const opened = await openFor(agent, bytes);
  const { header, packageKey, tags } = opened;
  try {
    requireWanted(session, header);
    const parts = splitCredential(header, typed);
    if (parts === null) throw refusal('what it asks for does not stand in front of the response');
    const { packageId } = header;
    // Doomed until it is installed: a crash from here on leaves nothing behind.
    const doomed = [...session.state().doomed, packageId];
    await session.save({ ...session.state(), doomed });
    await secret.create(packageId);
    const entries = await keep(session, secret, opened, parts.front);
    const emergency = await keepCodes(agent, opened, parts.front);
    await session.save(installed(session, header, name, entries, emergency));
    return header;
  } finally {
    packageKey.fill(0);
    tags.fill(0);
  }
}

async function openFor({ config, keys }: Agent, bytes: Uint8Array): Promise<OpenedPackage> {
  try {
    return await openPackage(bytes, {
      serverKey: Buffer.from(config.serverKey, 'base64'),
      agentId: config.agentId,
      agentKey: keys.identity.spki,
      agree: keys.identity.agree,
    });
  } catch (error) {
    if (error instanceof OfflineError) throw refusal(`${error.code}: ${error.message}`);
    throw error;
  }
}

function floorKey({ serial, applicationName }: PackageHeader): string {
  return `${serial}/${applicationName}`;
}

function requireWanted({ agent, state, nowMs }: Session, header: PackageHeader): void {
  const floor = state().floors[floorKey(header)] ?? 0;
  if (header.sequence <= floor) {
    throw refusal(`its sequence is ${header.sequence}, and ${floor} was there already`);
  }
  if (nowMs >= header.notAfterMs) throw refusal('it has expired');
  if (ranks[agent.config.mode] < ranks[header.keyMode]) {
    throw refusal(`it is for key mode ${header.keyMode} and this agent is ${agent.config.mode}`);
  }
}

function refusal(reason: string): AgentError {
  return new AgentError('damaged', `the package is not taken: ${reason}`);
}

async function keep(
  { agent, state }: Session,
  secret: DeviceSecret,
  { header, packageKey, tags, challenges }: OpenedPackage,
  front: string,
): ReturnType<typeof writeEntries> {
  const { packageId } = header;
  const slow = await stretchedFront(header, front);
  const entryKey = await secret.mac(packageId, entryKeyMessage(packageId, slow));
  const sealKey = await tagSealKey(secret, packageId);
  const { first, last } = blockRange(header);
  const blocks: KeptBlock[] = [];
  for (let block = first; block <= last; block += 1) {
    const key = tagKey(packageKey, block);
    const challenge = hasChallenges(header) ? (challenges[block - first] ?? null) : null;
    blocks.push({ block, key: sealTagKey(sealKey, block, key), challenge });
    key.fill(0);
  }
  const kept = keepEntries(header, entryKey, tags);
  for (const used of [slow, entryKey, sealKey]) used.fill(0);
  const { env, folder } = agent;
  return writeEntries(env.files, folder, packageId, state().counter, { kept, blocks });
}

async function keepCodes(
  { env }: Agent,
  { header, emergencyCodes }: OpenedPackage,
  front: string,
): Promise<readonly EmergencyState[]> {
  const kept: EmergencyState[] = [];
  for (const [at, terms] of header.emergency.entries()) {
    const code = emergencyCodes[at];
    if (code !== undefined) kept.push(await keepCode(env, terms, code, front));
  }
  return kept;
}

function installed(
  { state, now, nowMs }: Session,
  header: PackageHeader,
  name: UserName,
  entries: Awaited<ReturnType<typeof writeEntries>>,
  emergency: readonly EmergencyState[],
): ReturnType<Session['state']> {
  const { packageId } = header;
  const key = floorKey(header);
  const before = state();
  const old = before.packages.filter((each) => floorKey(headerOf(each)) === key);
  const superseded = old.map((each) => each.packageId);
  const rest = without(seen(before, nowMs), superseded);
  const added = {
    ...rest,
    doomed: rest.doomed.filter((label) => label !== packageId),
    floors: { ...rest.floors, [key]: header.sequence },
    packages: [
      ...rest.packages,
      {
        packageId,
        header: writeHeader(header).toString('utf8'),
        namedBy: namesOf(old, header, name),
        status: 'installed' as const,
        lastIndex: null,
        eventsUsed: 0,
        failures: 0,
        emergencyFailures: 0,
        lastFailure: null,
        emergency: [...emergency],
        entries,
      },
    ],
  };
  return noted(added, now, { kind: 'installed', packageId });
}

/** The name just used, beside those by which this person's package before was found. */
function namesOf(
  old: readonly PackageState[],
  { userId }: PackageHeader,
  { user, domain }: UserName,
): readonly string[] {
  const names = old
    .filter((each) => headerOf(each).userId === userId)
    .flatMap(({ namedBy }) => namedBy);
  const isNew = domain === null && !names.some((name) => isSameName(name, user));
  return isNew ? [...names, user] : names;
}
