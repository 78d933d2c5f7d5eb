import { changeBattery } from '../device/operate-battery.ts';
import { type Operation, play, pressTimes } from '../device/operate.ts';
import { unlock } from '../device/operate-pin.ts';
import type { DeviceInput } from '../device/device.ts';
import type { DevicePorts } from '../device/ports.ts';
import { profileNamed, profileNames } from '../device/profiles.ts';
import { refusalText } from '../device/refusal.ts';
import { createToken, type VirtualToken, wipeToken } from '../device/token.ts';
import type { DeviceEnv } from '../env.ts';
import { EmulatorError } from '../errors.ts';
import type { TokenFolder } from '../files/state-file.ts';
import type { InboxFile } from '../inbox/file.ts';
import { otpOf, printable } from '../inbox/message.ts';
import { type BatteryModel, freshBattery, usualBattery } from '../physics/battery.ts';
import { changeClock, type ClockChange } from '../physics/clock.ts';
import { trueMsMax } from '../physics/clock-parameters.ts';
import { drawClock, driftPresets, parseDriftPreset } from '../physics/presets.ts';
import { algorithmHash, digestBytes } from '../../src/oath/index.ts';
import { flashOf } from './lcd.ts';
import { tokenView } from './views.ts';
import type { Choices, DeskView, GeneratedView, InboxView, NewToken, Outcome } from './wire.ts';

/** How many tokens are drawn at once; a search finds the others. */
const tokensMax = 48;
const messagesMax = 50;

export interface DeskParts {
  readonly folder: TokenFolder;
  readonly inbox: InboxFile;
  readonly env: DeviceEnv;
  readonly ports: DevicePorts;
}

/**
 * The tokens of a folder as they lie on a desk: what one sees, and what one does with them. Its time
 * is the wall clock, moved by how far one has travelled. Every method rejects with an EmulatorError.
 */
export interface Desk {
  /** @param search part of the serials that are asked for */
  view(search: string): Promise<DeskView>;
  readonly choices: Choices;
  pressKey(serial: string, key: DeviceInput): Promise<Outcome>;
  /** Presses that nobody looks at. */
  pressInPocket(serial: string, times: number): Promise<Outcome>;
  unlock(serial: string, code: string): Promise<Outcome>;
  changeClock(serial: string, change: ClockChange): Promise<Outcome>;
  /** Puts in another clock, drawn by a preset. */
  replaceClock(serial: string, preset: string): Promise<Outcome>;
  changeBattery(serial: string, gapMs: number): Promise<Outcome>;
  create(wanted: NewToken): Promise<Outcome>;
  /** @param travelMs from the wall clock; 0 is back to now */
  travel(travelMs: number): void;
  inbox(): Promise<InboxView>;
}

type Change = (token: VirtualToken, trueMs: number) => Operation;

export function openDesk({ folder, inbox, env, ports }: DeskParts): Desk {
  let travelMs = 0;
  const trueTimeMs = (): number => env.nowMs() + travelMs;

  function change(serial: string, work: Change, isUnread = false): Promise<Outcome> {
    const trueMs = trueTimeMs();
    return folder.update(serial, (token) => {
      const operation = work(token, trueMs);
      return { token: operation.token, result: outcomeOf(operation, trueMs, isUnread) };
    });
  }

  return {
    choices,
    view: async (search) => ({
      trueTimeMs: trueTimeMs(),
      travelMs,
      ...(await tokensOn(folder, search, trueTimeMs())),
      inboxVersion: await inbox.version(),
    }),
    pressKey: (serial, key) => change(serial, (token, trueMs) => play(token, [key], trueMs, ports)),
    pressInPocket: (serial, times) =>
      change(serial, (token, trueMs) => pressTimes(token, trueMs, times, { ports }), true),
    unlock: (serial, code) =>
      change(serial, (token, trueMs) => unlock(token, trueMs, code, { ports })),
    changeClock: (serial, clockChange) =>
      change(serial, (token, trueMs) =>
        done({ ...token, clock: changeClock(token.clock, trueMs, clockChange) }),
      ),
    replaceClock: (serial, preset) => {
      const kind = parseDriftPreset(preset);
      const seed = drawSeed(env);
      return change(serial, (token, trueMs) =>
        done({ ...token, clock: drawClock(kind, seed, serial, trueMs) }),
      );
    },
    changeBattery: (serial, gapMs) =>
      change(serial, (token, trueMs) => changeBattery(token, trueMs, { gapMs })),
    create: async (wanted) => {
      const trueMs = trueTimeMs();
      const token = tokenOf(wanted, trueMs, env, ports);
      try {
        await folder.create(token);
        return outcomeOf(done(token), trueMs, false);
      } finally {
        wipeToken(token);
      }
    },
    travel: (durationMs) => {
      const aimMs = env.nowMs() + durationMs;
      if (aimMs < 0 || aimMs > trueMsMax) {
        throw new EmulatorError('input-invalid', 'one may travel within the years 1970 to 9999');
      }
      travelMs = durationMs;
    },
    inbox: () => inboxView(inbox),
  };
}

async function tokensOn(
  folder: TokenFolder,
  search: string,
  trueMs: number,
): Promise<Pick<DeskView, 'tokens' | 'count' | 'damaged'>> {
  const wanted = search.trim().toUpperCase();
  const serials = (await folder.serials()).filter((serial) => serial.includes(wanted));
  const tokens: DeskView['tokens'][number][] = [];
  const damaged: DeskView['damaged'][number][] = [];
  for (const serial of serials.slice(0, tokensMax)) {
    try {
      const { token } = await folder.read(serial);
      tokens.push(tokenView(token, trueMs));
      wipeToken(token);
    } catch (error) {
      if (!(error instanceof EmulatorError)) throw error;
      // Somebody has removed it since its name was read.
      if (error.code === 'token-unknown') continue;
      damaged.push({ serial, reason: error.message });
    }
  }
  return { tokens, count: serials.length, damaged };
}

function outcomeOf(operation: Operation, trueMs: number, isUnread: boolean): Outcome {
  const token = tokenView(operation.token, trueMs);
  if (!operation.ok) {
    const { refusal } = operation;
    return { token, generated: null, refusal: refusalText(refusal), flash: flashOf(refusal) };
  }
  const { generated } = operation;
  const made: GeneratedView | null =
    generated === null
      ? null
      : {
          applicationName: generated.applicationName,
          response: generated.response,
          eventCounter: generated.eventCounter === null ? null : String(generated.eventCounter),
          timeStep: generated.timeStep === null ? null : String(generated.timeStep),
          trueTimeMs: trueMs,
          isUnread,
        };
  return { token, generated: made, refusal: null, flash: null };
}

/** What was done with no key of the device. */
function done(token: VirtualToken): Operation {
  return { ok: true, token, generated: null, deviceTimeMs: 0 };
}

const dayMs = 86_400_000;

const batteries: Readonly<Record<string, { description: string; model: BatteryModel | null }>> = {
  none: { description: 'needs no battery', model: null },
  sealed: { description: 'sealed in, about five years', model: usualBattery },
  replaceable: {
    description: 'replaceable, about five years; the clock stands still meanwhile',
    model: { ...usualBattery, replacement: { kind: 'pause' } },
  },
  'almost-empty': {
    description: 'replaceable, with a month left',
    model: {
      ...usualBattery,
      replacement: { kind: 'pause' },
      lifeMs: 30 * dayMs,
      warnBeforeMs: 30 * dayMs,
    },
  },
};

const choices: Choices = {
  profiles: profileNames.map((name) => {
    const { description } = profileNamed(name);
    return { name, description };
  }),
  presets: driftPresets,
  batteries: Object.entries(batteries).map(([name, { description }]) => ({ name, description })),
};

function tokenOf(
  { serial, profile: profileName, preset, battery: batteryName }: NewToken,
  trueMs: number,
  env: DeviceEnv,
  ports: DevicePorts,
): VirtualToken {
  const profile = profileNamed(profileName);
  const kind = batteries[batteryName];
  if (kind === undefined) {
    const names = Object.keys(batteries).join(', ');
    throw new EmulatorError('input-invalid', `the batteries are ${names}`);
  }
  const seeds = profile.applications.map(({ algorithm }) =>
    env.randomBytes(digestBytes(algorithmHash(algorithm))),
  );
  const clock = drawClock(parseDriftPreset(preset), drawSeed(env), serial, trueMs);
  const battery = kind.model === null ? null : freshBattery(kind.model, trueMs);
  return createToken({ serial, profile, clock, battery }, seeds, ports);
}

/** Of the clock, and kept with it: no secret. */
function drawSeed(env: DeviceEnv): string {
  return Buffer.from(env.randomBytes(8)).toString('hex');
}

async function inboxView(inbox: InboxFile): Promise<InboxView> {
  // First: a message that comes between the two is shown the next time.
  const version = await inbox.version();
  const messages = (await inbox.read()).slice(-messagesMax).reverse();
  return {
    version,
    messages: messages.map((message) => ({
      atMs: message.atMs,
      channel: printable(message.channel),
      to: printable(message.to),
      subject: message.subject === undefined ? null : printable(message.subject),
      text: printable(message.text),
      otp: otpOf(message),
    })),
  };
}
