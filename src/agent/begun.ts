import { join } from 'node:path';
import { z } from 'zod';
import { setupError } from './agent-error.ts';
import type { AgentConfig } from './config.ts';
import type { AgentEnv } from './env.ts';
import { isDamage, replaceFile } from './files.ts';

/**
 * An enrolment that was begun and has not ended: enrolling.json in the folder of the agent. The server may
 * have taken in the key that it names, so that the next try has to bring the same one.
 */
export interface BegunEnrolment {
  readonly v: 1;
  readonly mode: AgentConfig['mode'];
  readonly hardware: AgentConfig['hardware'];
  /** SubjectPublicKeyInfo, base64; null until there is a key, which nobody was shown before. */
  readonly agentKey: string | null;
}

const begunShape: z.ZodType<BegunEnrolment> = z.strictObject({
  v: z.literal(1),
  mode: z.enum(['hw', 'ram', 'sw']),
  hardware: z.strictObject({ uri: z.string(), prefix: z.uuid() }).nullable(),
  agentKey: z.base64().nullable(),
});

export const begunFileName = 'enrolling.json';
const begunBytesMax = 65_536;

/** Null where none was begun. @throws AgentError damaged */
export async function readBegun(env: AgentEnv, folder: string): Promise<BegunEnrolment | null> {
  const path = join(folder, begunFileName);
  if (!(await env.files.exists(path))) return null;
  try {
    const text = (await env.files.read(path, begunBytesMax)).toString('utf8');
    return begunShape.parse(JSON.parse(text));
  } catch (error) {
    if (!isDamage(error)) throw error;
    throw setupError('damaged', `${path} is damaged: tallystick-agent reset removes it`, error);
  }
}

/** Durable when it returns. */
export async function writeBegun(
  env: AgentEnv,
  folder: string,
  begun: BegunEnrolment,
): Promise<void> {
  await replaceFile(env.files, folder, begunFileName, Buffer.from(JSON.stringify(begun)));
}

/** No error if there is none. */
export async function removeBegun(env: AgentEnv, folder: string): Promise<void> {
  await env.files.remove(join(folder, begunFileName));
  await env.files.syncFolder(folder);
}
