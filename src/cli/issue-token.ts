import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { type Desk, given, pathOf, text } from './commands.ts';
import { CliFailure, usageFailure } from './io.ts';
import { readText } from '../config/index.ts';

/** Where a bundle goes. */
interface BundlePlace {
  /** Where it is then, for people, and what finishes the pairing. */
  readonly where: string;
  readonly next: string;
  readonly write: (bundle: object) => void;
  /** There is none after all. */
  readonly discard: () => void;
}

const standardStream = '-';

/**
 * Pairs a virtual authenticator. The file for the bundle is made before the seeds are: they leave
 * the module once, and must then have a place to go. `-` stands for standard input and output.
 */
export async function issueToken(
  desk: Desk,
  _args: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const request = await readRequest(desk, text(options, 'toEmulator') ?? '');
  const user = text(options, 'user');
  const domain = text(options, 'domain');
  // A name mistyped must not cost the seeds, which leave the module once.
  if (user !== undefined) {
    await desk.client({ method: 'GET', path: pathOf('users', user), query: { domain } });
  }
  const out = text(options, 'out') ?? '';
  const place = out === standardStream ? onStandardOutput(desk) : intoFile(out);
  let bundle: object;
  try {
    const path = pathOf('authenticators', 'pair');
    bundle = (await desk.client({ method: 'POST', path, body: { request } })).body;
  } catch (error) {
    place.discard();
    throw error;
  }
  place.write(bundle);
  const serial = String((bundle as { serial?: unknown }).serial);
  if (user !== undefined) await assign(desk, { serial, user, domain, out, place });
  const done = `Authenticator ${serial} created${user === undefined ? '' : ` and assigned to ${user}`}.`;
  if (out === standardStream) desk.io.say(done);
  else {
    const told = `${done} Bundle: ${out}; finish with: ${place.next}`;
    desk.show({ serial, bundle: out, user: user ?? null }, told);
  }
}

interface Assignment {
  readonly serial: string;
  readonly user: string;
  readonly domain: string | undefined;
  readonly out: string;
  readonly place: BundlePlace;
}

async function assign(desk: Desk, { serial, user, domain, out, place }: Assignment): Promise<void> {
  const path = pathOf('authenticators', serial, 'assign');
  try {
    await desk.client({ method: 'POST', path, body: given({ user, domain }) });
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    const { exitCode, message, document } = error;
    const inDomain = domain === undefined ? '' : ` --domain ${domain}`;
    throw new CliFailure(
      exitCode,
      `${message}\nAuthenticator ${serial} was created all the same and its bundle is ${place.where}; ` +
        `it is not assigned to ${user}. Go on with: ` +
        `tallystick token assign ${serial} ${user}${inDomain}, and ${place.next}`,
      document === undefined ? undefined : { ...document, serial, bundle: out, user: null },
    );
  }
}

function onStandardOutput(desk: Desk): BundlePlace {
  return {
    where: 'on the standard output',
    next: 'vtoken pair --accept -',
    write: (bundle) => desk.io.print(JSON.stringify(bundle, null, 2)),
    discard: () => undefined,
  };
}

function intoFile(path: string): BundlePlace {
  const file = createPrivateFile(path);
  return {
    where: `in ${path}`,
    next: `vtoken pair --accept ${path}`,
    write: (bundle) => writeBundle(file, path, bundle),
    discard: () => {
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}

function writeBundle(bundleFile: number, out: string, bundle: object): void {
  try {
    writeSync(bundleFile, `${JSON.stringify(bundle, null, 2)}\n`);
    fsyncSync(bundleFile);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw usageFailure(
      `The authenticator was created, but its bundle could not be written to ${out} (${code}): ` +
        'the seeds are lost to the device. Remove it with "tallystick token delete" and pair again.',
    );
  } finally {
    closeSync(bundleFile);
  }
}

async function readRequest(desk: Desk, file: string): Promise<unknown> {
  const isStandard = file === standardStream;
  try {
    const json = isStandard ? await desk.io.readInput() : readText(file, 'the pair request');
    return JSON.parse(json) as unknown;
  } catch (error) {
    const name = isStandard ? 'standard input' : file;
    if (error instanceof SyntaxError) throw usageFailure(`${name} (the pair request) is not JSON`);
    throw error;
  }
}

function createPrivateFile(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const reason = code === 'EEXIST' ? 'exists already' : `cannot be created (${code})`;
    throw usageFailure(`--out ${path} ${reason}`);
  }
}
