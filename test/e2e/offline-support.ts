import { createHmac, randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv } from '../../src/agent/env.ts';
import { type Line, type Ran, runAgent } from '../agent/support/world.ts';
import {
  freshInstallation,
  type Installation,
  type ServerProcess,
  startServer,
} from '../support/cli.ts';
import { Wire } from '../support/wire.ts';
import { administratorOf, type AuditedEvent, createClientKey, must, type Send } from './support.ts';

/** A server process on a SoftHSM, and workstations that each have a line of their own to it. */
export class Site {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'tallystick-site-'));
  readonly installation: Installation;
  server: ServerProcess;
  readonly #wires: Wire[] = [];
  #names = 0;

  private constructor(installation: Installation, server: ServerProcess) {
    this.installation = installation;
    this.server = server;
  }

  static async open(): Promise<Site> {
    const installation = await freshInstallation();
    return new Site(installation, await startServer(installation.configFile));
  }

  get admin(): Send {
    return administratorOf(this.server, this.installation);
  }

  /** What was typed into it before is in the memory of the process that ended. */
  async restart(clockAheadMs = 0): Promise<void> {
    const { configFile } = this.installation;
    const { port } = this.server;
    await this.server.end('SIGTERM');
    this.server = await startServer(configFile, [`listen.port=${String(port)}`], { clockAheadMs });
  }

  async close(): Promise<void> {
    for (const wire of this.#wires) await wire.cut();
    await this.server.end('SIGTERM');
    this.installation.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The file of a key under whose policy workstations may verify by themselves. */
  async keyFile(name: string, settings: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const key = await createClientKey(this.admin, name, {
      offlineEnabled: true,
      offlineKeyMode: 'sw',
      offlinePinless: 'allowed',
      offlineFailuresMax: 20,
      offlinePackagesPerDayMax: 100,
      ...settings,
    });
    const path = join(this.folder, `${name}.key`);
    writeFileSync(path, `${key}\n`, { mode: 0o600 });
    return path;
  }

  async workstation(keyFile: string, mode: 'sw' | 'ram' = 'sw'): Promise<Workstation> {
    const wire = new Wire(this.server.port);
    await wire.mend();
    this.#wires.push(wire);
    const name = `pc-${String((this.#names += 1))}`;
    const made = new Workstation(wire, join(this.folder, name));
    const argv = ['--server', wire.url, '--key-file', keyFile, '--name', name, '--mode', mode];
    made.requireDone(await made.run(['enrol', ...argv]));
    return made;
  }

  /** A user with a device of eight digits whose seed the test knows. */
  async owner(
    name: string,
    kind: 'event' | 'time',
    seed: Buffer = randomBytes(20),
  ): Promise<Owner> {
    const clock = kind === 'time' ? { timeStepSeconds: 30, timeOriginSeconds: 0 } : {};
    const algorithm = { kind, hash: 'SHA1', digits: 8, ...clock };
    const serial = await this.#holder(name, 'response-only', algorithm, seed);
    return { user: name, serial, shown: (index) => hotp8(seed, index) };
  }

  /** A user whose device answers challenges of eight digits. */
  async answerer(name: string): Promise<Answerer> {
    const seed = randomBytes(20);
    const suite = 'OCRA-1:HOTP-SHA1-8:QN08';
    const algorithm = { kind: 'challenge-response', suite };
    const serial = await this.#holder(name, 'challenge-response', algorithm, seed);
    return { user: name, serial, answer: (challenge) => ocra8(seed, suite, challenge) };
  }

  /** @returns the serial number of the device */
  async #holder(name: string, mode: string, algorithm: object, seed: Buffer): Promise<string> {
    const serial = name.toUpperCase();
    await must(this.admin('POST', '/v1/users', { user: name }));
    const source = { source: 'import', encoding: 'hex', value: seed.toString('hex') };
    const applications = [{ name: 'APP', mode, algorithm, seed: source }];
    await must(this.admin('POST', '/v1/authenticators', { serial, model: 'TEST', applications }));
    await must(this.admin('POST', `/v1/authenticators/${serial}/assign`, { user: name }));
    return serial;
  }

  /** The device takes a server PIN from now on, and this is it. */
  async givePin({ serial }: Pick<Owner, 'serial'>, pin: string): Promise<void> {
    const path = `/v1/authenticators/${serial}/pin`;
    await must(this.admin('POST', path, { action: 'enable' }));
    await must(this.admin('POST', path, { action: 'set', pin, confirmation: pin }));
  }

  /** What the audit has of an action, the newest last. */
  async audit(action: string): Promise<readonly DetailedEvent[]> {
    const all: DetailedEvent[] = [];
    for (let after = '0'; ;) {
      const { items, next } = await must(this.admin('GET', `/v1/audit?after=${after}&limit=1000`));
      all.push(
        ...(items as { body: string }[]).map(({ body }) => JSON.parse(body) as DetailedEvent),
      );
      if (typeof next !== 'string') return all.filter((each) => each.action === action);
      after = next;
    }
  }
}

export interface DetailedEvent extends AuditedEvent {
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Owner {
  readonly user: string;
  readonly serial: string;
  /** What the device shows for a counter or a step. */
  readonly shown: (index: number) => string;
}

export interface Answerer {
  readonly user: string;
  readonly serial: string;
  readonly answer: (challenge: string) => string;
}

/** The folder of an agent, which commands of the real agent work in. */
export class Workstation {
  readonly wire: Wire;
  readonly state: string;
  /** What the clock of this computer is wrong by. */
  clockErrorMs = 0;
  /** What has passed here beyond what passes for the test. */
  passedMs = 0;

  constructor(wire: Wire, state: string) {
    this.wire = wire;
    this.state = state;
  }

  run(argv: readonly string[], lines: readonly Line[] = []): Promise<Ran> {
    const now = (): ReturnType<typeof nodeEnv.now> => {
      const { clockMs, bootMs, bootId } = nodeEnv.now();
      return {
        clockMs: clockMs + this.passedMs + this.clockErrorMs,
        bootMs: bootMs + this.passedMs,
        bootId,
      };
    };
    // Waits between wrong tries are not what is tested here: they pass at once.
    const sleepMs = (durationMs: number): Promise<void> => {
      this.passedMs += durationMs;
      return Promise.resolve();
    };
    const env = { ...nodeEnv, now, sleepMs };
    return runAgent({ env }, this.state, argv, lines);
  }

  logon({ user }: Pick<Owner, 'user'>, typed: string): Promise<Ran> {
    return this.run(['logon', user, '--stdin'], [typed]);
  }

  /** Signs on at the server and takes a package home. */
  async equip(owner: Owner, typed: string): Promise<void> {
    const ran = this.requireDone(await this.logon(owner, typed));
    if (!ran.out.includes('renewed')) throw new Error(ran.out + ran.err);
  }

  requireDone(ran: Ran): Ran {
    if (ran.status !== 0) throw new Error(`exit ${String(ran.status)}: ${ran.out}${ran.err}`);
    return ran;
  }

  /** Another computer with a copy of the disk, on the same line. */
  copy(state: string): Workstation {
    cpSync(this.state, state, { recursive: true });
    return new Workstation(this.wire, state);
  }
}

/** RFC 4226 section 5.3; it knows nothing of our own code. */
function hotp8(seed: Buffer, index: number): string {
  const movingFactor = Buffer.alloc(8);
  movingFactor.writeBigUInt64BE(BigInt(index));
  return eightDigits(seed, movingFactor);
}

/** RFC 6287 section 5.1, of a question of digits and nothing else. */
function ocra8(seed: Buffer, suite: string, challenge: string): string {
  const question = Buffer.from(BigInt(challenge).toString(16).padEnd(256, '0'), 'hex');
  return eightDigits(seed, Buffer.concat([Buffer.from(`${suite}\0`), question]));
}

function eightDigits(seed: Buffer, message: Buffer): string {
  const mac = createHmac('sha1', seed).update(message).digest();
  const truncated = mac.readUInt32BE(mac[19]! & 0xf) & 0x7fffffff;
  return String(truncated % 100_000_000).padStart(8, '0');
}
