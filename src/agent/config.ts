import { join } from 'node:path';
import { z } from 'zod';
import { setupError } from './agent-error.ts';
import type { AgentEnv } from './env.ts';
import { type Guards, isDamage, replaceFile } from './files.ts';

/** What was settled at enrolment: config.json in the folder of the agent. */
export interface AgentConfig {
  readonly v: 1;
  readonly server: string;
  /** File of the API key, of mode 0600. */
  readonly keyFile: string;
  /** PEM file of the authorities that are trusted in place of the system's. */
  readonly ca: string | null;
  readonly name: string;
  readonly mode: 'hw' | 'ram' | 'sw';
  readonly agentId: string;
  /** SubjectPublicKeyInfo, base64. */
  readonly agentKey: string;
  /** The server's signing key, as it was pinned. */
  readonly serverKey: string;
  /** Of mode `hw`. */
  readonly hardware: { readonly uri: string; readonly prefix: string } | null;
}

const configShape: z.ZodType<AgentConfig> = z.strictObject({
  v: z.literal(1),
  server: z.url(),
  keyFile: z.string().min(1),
  ca: z.string().min(1).nullable(),
  name: z.string().min(1),
  mode: z.enum(['hw', 'ram', 'sw']),
  agentId: z.uuid(),
  agentKey: z.base64(),
  serverKey: z.base64(),
  hardware: z.strictObject({ uri: z.string(), prefix: z.uuid() }).nullable(),
});

const fileName = 'config.json';
const configBytesMax = 65_536;
const folderMode = 0o700;

/** Makes the folder, or checks the one that is there. @throws AgentError storage */
export async function makeStateFolder(env: AgentEnv, folder: string): Promise<void> {
  try {
    await env.files.makeFolder(folder, folderMode);
  } catch (error) {
    throw setupError('storage', `the folder ${folder} cannot be made: ${codeOf(error)}`, error);
  }
  await requirePrivate(env, folder, 'chmod 700');
}

export function isEnrolled(env: AgentEnv, folder: string): Promise<boolean> {
  return env.files.exists(join(folder, fileName));
}

/** @throws AgentError not-enrolled, storage when it is another's or open to others, damaged */
export async function readConfig(env: AgentEnv, folder: string): Promise<AgentConfig> {
  const path = join(folder, fileName);
  if (!(await isEnrolled(env, folder))) {
    throw setupError('not-enrolled', `there is no ${path}: run tallystick-agent enrol`);
  }
  await requirePrivate(env, folder, 'chmod 700');
  await requirePrivate(env, path, 'chmod 600');
  try {
    const text = (await env.files.read(path, configBytesMax)).toString('utf8');
    return configShape.parse(JSON.parse(text));
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw setupError('damaged', `${path} is damaged: tallystick-agent reset, then enrol`, error);
  }
}

export async function writeConfig(
  env: AgentEnv,
  folder: string,
  config: AgentConfig,
): Promise<void> {
  const text = `${JSON.stringify(config, null, 2)}\n`;
  await replaceFile(env.files, folder, fileName, Buffer.from(text));
}

/** A file that only its owner may read, such as the one of the API key; without the last line break. */
export async function readPrivateText(env: AgentEnv, path: string): Promise<string> {
  await requirePrivate(env, path, 'chmod 600');
  const text = (await env.files.read(path, configBytesMax)).toString('utf8').trimEnd();
  // No API key has others, and no header takes them.
  if (/^[!-~]+$/.test(text)) return text;
  throw setupError('storage', `${path} must hold the API key in one line, and nothing else`);
}

async function requirePrivate(env: AgentEnv, path: string, remedy: string): Promise<void> {
  let guards: Guards;
  try {
    guards = await env.files.guards(path);
  } catch (error) {
    const code = codeOf(error);
    const what = code === 'ENOENT' ? `there is no ${path}` : `${path} cannot be used: ${code}`;
    throw setupError('storage', what, error);
  }
  const { uid, mode, isLink } = guards;
  if (isLink) throw setupError('storage', `${path} is a link: name what it leads to`);
  if (env.userId !== null && uid !== env.userId) {
    const detail = `${path} belongs to user ${uid}, and this program runs as user ${env.userId}`;
    throw setupError('storage', `${detail}: run it as the owner`);
  }
  if ((mode & 0o077) === 0) return;
  const octal = mode.toString(8).padStart(4, '0');
  throw setupError('storage', `${path} is open to others (mode ${octal}): ${remedy} ${path}`);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no reason given';
}
