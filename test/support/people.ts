import { randomBytes } from 'node:crypto';
import type { Authenticator, BackupVirtual, Contact, User } from '../../src/domain/model.ts';
import type { Channel, GatewaySettings } from '../../src/domain/gateway.ts';
import { passwordMessage } from '../../src/domain/static-password.ts';
import { unsetBackup } from '../../src/domain/virtual-otp.ts';
import { createPasswordHash } from '../../src/service/passwords/hash.ts';
import { uuidV7 } from '../../src/service/index.ts';
import type { Delivery, DeliveryFailure, Message } from '../../src/service/ports.ts';
import type { AuditEntry, RecordChange } from '../../src/service/store.ts';
import { type Bench, nextSerial } from './builders.ts';

/** What people need beside devices, put into the database directly: tests of what is done with it. */

type Place = Pick<Bench, 'store' | 'module' | 'clock'>;

const hash = createPasswordHash(2);
const mobile = '+4915112345678';

async function administer({ store, clock }: Place, change: RecordChange): Promise<void> {
  const audit: AuditEntry = {
    atMs: clock.nowMs(),
    action: 'test.prepare',
    outcome: 'done',
    actor: 'test',
    subject: 'test',
    requestId: '',
    details: {},
  };
  const { status } = await store.administer([change], audit);
  if (status !== 'committed') throw new Error(`the change ended as ${status}`);
}

async function userNamed({ store }: Place, userName: string): Promise<User> {
  const { domains } = await store.loadConfiguration();
  const found = await store.userByName(domains[0]?.id ?? '', userName);
  if (found === null) throw new Error(`there is no user ${userName}`);
  return found;
}

export async function setUser(
  place: Place,
  userName: string,
  set: Partial<Omit<User, 'id' | 'version'>>,
): Promise<void> {
  const { id, version } = await userNamed(place, userName);
  await administer(place, { change: 'update', kind: 'user', id, expectedVersion: version, set });
}

/** The static password of a user, as if an administrator had set it. */
export async function givePassword(
  place: Place,
  userName: string,
  password: string,
  setAtMs: number = place.clock.nowMs(),
): Promise<void> {
  const user = await userNamed(place, userName);
  const salt = randomBytes(16).toString('hex');
  const message = passwordMessage(user.id, await hash.derive(password, Buffer.from(salt, 'hex')));
  const options = { lane: 'logon', deadlineMs: 1000 } as const;
  const [mac = new Uint8Array()] = await place.module.hmac('password-mac', [message], options);
  const verifier = { salt, mac: Buffer.from(mac).toString('hex') };
  const version = user.password.version + 1;
  await setUser(place, userName, { password: { verifier, setAtMs, version } });
}

export function giveContact(
  place: Place,
  userName: string,
  contact: Partial<Contact> = {},
): Promise<void> {
  return setUser(place, userName, {
    contact: { email: null, mobile, phone: null, deliveryMethod: null, ...contact },
  });
}

/** A virtual mobile authenticator of a user. */
export async function giveVirtual(place: Place, userName: string): Promise<string> {
  const { id: userId } = await userNamed(place, userName);
  const serial = nextSerial();
  const nowMs = place.clock.nowMs();
  const record: Authenticator = {
    id: uuidV7(nowMs, randomBytes),
    serial,
    licenceSerial: serial,
    model: 'VIR10',
    isVirtual: false,
    isDisabled: false,
    expiresAtMs: null,
    userId,
    assignedAtMs: nowMs,
    assignmentVersion: 1,
    lastUsedAtMs: null,
    kind: 'virtual-mobile',
    graceEndsAtMs: null,
    backup: unsetBackup,
    createdAtMs: nowMs,
    version: 1,
  };
  await administer(place, { change: 'insert', kind: 'authenticator', record });
  return serial;
}

export async function setAuthenticator(
  place: Place,
  serial: string,
  set: Partial<Pick<Authenticator, 'graceEndsAtMs' | 'isDisabled'>> & {
    readonly backup?: Partial<BackupVirtual>;
  },
): Promise<void> {
  const found = await place.store.authenticatorBySerial(serial);
  if (found === null) throw new Error(`there is no authenticator ${serial}`);
  const { id, version, backup: before } = found.authenticator;
  const { backup, ...more } = set;
  await administer(place, {
    change: 'update',
    kind: 'authenticator',
    id,
    expectedVersion: version,
    set: { ...more, ...(backup === undefined ? {} : { backup: { ...before, ...backup } }) },
  });
}

export async function backupOf({ store }: Place, serial: string): Promise<BackupVirtual> {
  return (await store.authenticatorBySerial(serial))?.authenticator.backup ?? unsetBackup;
}

/** A gateway; its settings mean nothing to a delivery that is scripted. */
export async function giveGateway(
  place: Place,
  channel: Channel = 'sms',
  more: {
    readonly name?: string;
    readonly position?: number;
    readonly settings?: GatewaySettings;
  } = {},
): Promise<void> {
  const { name = `${channel} gateway`, position = 1 } = more;
  const settings = more.settings ?? ({ kind: 'file', fileName: `${channel}.jsonl` } as const);
  await administer(place, {
    change: 'insert',
    kind: 'gateway',
    record: {
      id: uuidV7(place.clock.nowMs(), randomBytes),
      name,
      channel,
      position,
      settings,
      sealedSecret: null,
      isDisabled: false,
      version: 1,
    },
  });
}

/** A delivery that keeps what it was given, and fails on demand. */
export interface ScriptedDelivery extends Delivery {
  readonly sent: Message[];
  /** The next ones fail so. */
  readonly failures: DeliveryFailure[];
  /** The one-time password in the newest message. */
  otp(): string;
}

export function scriptedDelivery(): ScriptedDelivery {
  const sent: Message[] = [];
  const failures: DeliveryFailure[] = [];
  return {
    sent,
    failures,
    obstacleTo: () => null,
    send: (_settings, _secret, message) => {
      const failure = failures.shift();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the port rejects with plain data
      if (failure !== undefined) return Promise.reject(failure);
      sent.push(message);
      return Promise.resolve();
    },
    otp: () => /[0-9]{6,10}/.exec(sent.at(-1)?.text ?? '')?.[0] ?? '',
  };
}
