import { constants, createHash, publicEncrypt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { CliWorld } from '../../emulator/cli/context.ts';
import { runVtoken } from '../../emulator/cli/program.ts';
import {
  createToken,
  type DeviceEnv,
  EmulatorError,
  idealClock,
  keyCheckValue,
  nodeEnv,
  type Operation,
  type PairRequest,
  parseApplicationText,
  type Profile,
  profileNamed,
  type ProfileName,
  Secret,
  type VirtualToken,
} from '../../emulator/index.ts';
import { algorithmHash, parseResponseAlgorithm } from '../../src/oath/index.ts';

/** RFC 4226 appendix D. */
export const rfcSeed: Uint8Array = new TextEncoder().encode('12345678901234567890');
/** The first ten responses of `rfcSeed` at 6 digits, from the same table. */
export const rfcResponses: readonly string[] = [
  '755224',
  '287082',
  '359152',
  '969429',
  '338314',
  '254676',
  '287922',
  '162583',
  '399871',
  '520489',
];

/** A file of published vectors; its reader knows the shape. */
export function readVectors(name: string): unknown {
  const path = new URL(`../vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** A folder that goes away with the test. */
export function freshFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'vtoken-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function profileOf(hull: ProfileName, applications?: Record<string, string>): Profile {
  const profile = profileNamed(hull);
  if (applications === undefined) return profile;
  return {
    ...profile,
    applications: Object.entries(applications).map(([name, text]) =>
      parseApplicationText(`${name}=${text}`),
    ),
  };
}

/** A token whose applications all have the RFC's seed, or the one given. */
export function tokenWith(profile: Profile, seed: Uint8Array = rfcSeed): VirtualToken {
  return createToken(
    { serial: 'VT00000001', profile, clock: idealClock(0) },
    profile.applications.map(() => new Uint8Array(seed)),
  );
}

/** The token after an operation that must succeed, and what it showed. */
export function done(operation: Operation): { token: VirtualToken; response: string | null } {
  if (!operation.ok) throw new Error(`refused: ${operation.refusal.code}`);
  return { token: operation.token, response: operation.generated?.response ?? null };
}

export function refusalOf(operation: Operation): string {
  return operation.ok ? 'accepted' : operation.refusal.code;
}

/** The code and message of the EmulatorError that `work` throws. */
export async function errorOf(work: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await work();
  } catch (error) {
    if (error instanceof EmulatorError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'none', message: 'nothing was thrown' };
}

/** Answers a request as the server does. */
export function bundleFor(
  request: PairRequest,
  seeds: readonly Uint8Array[],
): Record<string, unknown> & { applications: Record<string, unknown>[] } {
  const spki = Buffer.from(request.publicKey, 'base64');
  return {
    format: 'tallystick-pair-bundle',
    version: 1,
    serial: request.serial,
    publicKeySha256: createHash('sha256').update(spki).digest('hex'),
    issuedAtMs: 1000,
    applications: request.applications.map(({ name, mode, algorithm }, index) => {
      const seed = seeds[index]!;
      const hash = algorithmHash(parseResponseAlgorithm(algorithm));
      return {
        name,
        mode,
        algorithm,
        envelope: envelopeOf(request.publicKey, seed),
        seedBytes: seed.length,
        eventCounter: '0',
        keyCheckValue: keyCheckValue(hash, new Secret(seed)),
      };
    }),
  };
}

export function envelopeOf(publicKey: string, seed: Uint8Array): string {
  const spki = Buffer.from(publicKey, 'base64');
  const key = `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`;
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key, padding, oaepHash: 'sha1' }, seed).toString('base64');
}

export interface CliRun {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command inside this process, at a fixed time. */
export async function vtoken(
  folder: string,
  argv: readonly string[],
  options: {
    nowMs?: number;
    stdin?: string;
    typed?: readonly string[];
    env?: DeviceEnv;
    stopped?: Promise<void>;
    realKeys?: CliWorld['realKeys'];
  } = {},
): Promise<CliRun> {
  let out = '';
  let err = '';
  const questions: string[] = [];
  const env = options.env ?? nodeEnv;
  const status = await runVtoken(argv, {
    env: { ...env, nowMs: () => options.nowMs ?? 1_700_000_000_000 },
    defaultFolder: folder,
    isInteractive: options.typed !== undefined,
    promptSecret: (question) => {
      questions.push(question);
      return Promise.resolve(Buffer.from(options.typed?.[questions.length - 1] ?? ''));
    },
    readStdin: () => Promise.resolve(Buffer.from(options.stdin ?? '')),
    out: (text) => (out += text),
    err: (text) => (err += text),
    untilStopped: () => options.stopped ?? Promise.resolve(),
    realKeys: options.realKeys,
  });
  return { status, out, err };
}

/** A run that printed this result and no message. */
export function quiet(out: string): CliRun {
  return { status: 0, out, err: '' };
}

/** A folder with an event fob, a time fob and a keypad, all with the RFC's seed. */
export async function desk(): Promise<(...argv: string[]) => Promise<CliRun>> {
  const folder = freshFolder();
  const seed = `${Buffer.from(rfcSeed).toString('hex')}\n`;
  const make = async (serial: string, profile: ProfileName, seeds: number): Promise<void> => {
    const argv = ['new', serial, '--profile', profile, '--seed-stdin', '--now', '0'];
    const { status } = await vtoken(folder, argv, { stdin: seed.repeat(seeds) });
    if (status !== 0) throw new Error(`could not make ${serial}`);
  };
  await make('EVENT01', 'one-button-event', 1);
  await make('TIME01', 'one-button-time', 1);
  await make('MULTI01', 'keypad-multi', 4);
  return (...argv) => vtoken(folder, argv);
}
