import { parseApplicationText, applicationText } from '../device/application.ts';
import { checkSerial } from '../device/token.ts';
import { type Profile, profileNamed } from '../device/profiles.ts';
import { checkClock } from '../physics/clock-parameters.ts';
import { checkPressModel, type PressModel } from '../physics/presses.ts';
import { clockToJson, readClock } from '../files/clock-json.ts';
import { readBattery } from '../files/battery-json.ts';
import {
  parseJson,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readText,
  ShapeError,
} from '../files/shape.ts';
import { devicePinRefusal, pinPolicyOf } from './device-pin.ts';
import type { DrawnApplication, DrawnToken } from './draw.ts';
import { checkPrograms } from './program.ts';

const names = [
  'serial',
  'profile',
  'application',
  'group',
  'behaviour',
  'key',
  'clock',
  'presses',
] as const satisfies readonly (keyof DrawnToken)[];
/** What most tokens do not have is left out. */
const optionalNames = [
  'more',
  'devicePin',
  'battery',
] as const satisfies readonly (keyof DrawnToken)[];
const moreMax = 8;
const pressNames = ['meanPerDay', 'shape', 'burstsPerDay', 'burstMean'] as const;

/** A drawn token as one line of JSON, without line end. */
export function tokenLine(token: DrawnToken): string {
  const { clock, presses, more, devicePin, battery, ...plain } = token;
  return JSON.stringify({
    ...plain,
    clock: clockToJson(clock),
    presses: pressesToJson(presses),
    ...(more.length === 0 ? {} : { more }),
    ...(devicePin === null ? {} : { devicePin }),
    ...(battery === null ? {} : { battery }),
  });
}

/**
 * Reads what `tokenLine` wrote, and people may have changed since.
 *
 * @throws ShapeError, EmulatorError or OathError
 */
export function readTokenLine(line: string): DrawnToken {
  const members = readOptional(parseJson(line), 'the token', names, optionalNames);
  const text = (name: (typeof names)[number]): string => readText(members[name], name, 256);
  const clock = readClock(members['clock'], 3);
  checkClock(clock);
  const profile = profileNamed(text('profile'));
  if (pinPolicyOf(profile) !== null && members['devicePin'] === undefined) {
    throw new ShapeError(`devicePin is missing: ${profile.name} has one`);
  }
  const first = parseApplicationText(text('application'));
  const more = members['more'] === undefined ? [] : readMore(members['more']);
  const others = more.map(({ application }) => parseApplicationText(application));
  checkPrograms(profile, [first, ...others]);
  return {
    serial: checkSerial(text('serial')),
    profile: profile.name,
    application: applicationText(first),
    group: members['group'] === null ? null : text('group'),
    behaviour: members['behaviour'] === null ? null : text('behaviour'),
    key: readKey(text('key')),
    clock,
    presses: readPresses(members['presses']),
    more,
    devicePin: members['devicePin'] === undefined ? null : readPin(members['devicePin'], profile),
    battery: members['battery'] === undefined ? null : readBattery(members['battery']),
  };
}

function readMore(value: unknown): readonly DrawnApplication[] {
  return readList(value, 'more', 1, moreMax).map((one) => {
    const members = readMembers(one, 'more', ['application', 'key']);
    const text = readText(members['application'], 'more.application', 256);
    return {
      application: applicationText(parseApplicationText(text)),
      key: readKey(readText(members['key'], 'more.key', 256)),
    };
  });
}

function readPin(value: unknown, profile: Profile): string {
  const devicePin = readText(value, 'devicePin', 16);
  const refusal = devicePinRefusal(profile, devicePin);
  if (refusal === null && pinPolicyOf(profile) !== null) return devicePin;
  throw new ShapeError(`devicePin: ${refusal ?? 'this profile has none'}`);
}

function readPresses(value: unknown): PressModel {
  const members = readMembers(value, 'presses', pressNames);
  const [meanPerDay = 0, shape = 0, burstsPerDay = 0, burstMean = 0] = pressNames.map((name) =>
    readNumber(members[name], `presses.${name}`),
  );
  const model = { meanPerDay, shape, burstsPerDay, burstMean, oneOff: null };
  checkPressModel(model);
  return model;
}

function readKey(text: string): string {
  if (/^(?:[0-9a-f]{2}){16,128}$/.test(text)) return text;
  throw new ShapeError('key must be 16 to 128 bytes in lower-case hex');
}

function pressesToJson({ meanPerDay, shape, burstsPerDay, burstMean }: PressModel): unknown {
  return { meanPerDay, shape, burstsPerDay, burstMean };
}
