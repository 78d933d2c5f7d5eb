import { parseApplicationText, applicationText } from '../device/application.ts';
import { checkSerial } from '../device/token.ts';
import { profileNamed } from '../device/profiles.ts';
import { checkClock } from '../physics/clock-parameters.ts';
import { checkPressModel, type PressModel } from '../physics/presses.ts';
import { clockToJson, readClock } from '../files/clock-json.ts';
import { readMembers, readNumber, readText, ShapeError, parseJson } from '../files/shape.ts';
import type { DrawnToken } from './draw.ts';

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
const pressNames = ['meanPerDay', 'shape', 'burstsPerDay', 'burstMean'] as const;

/** A drawn token as one line of JSON, without line end. */
export function tokenLine({ clock, presses, ...token }: DrawnToken): string {
  return JSON.stringify({ ...token, clock: clockToJson(clock), presses: pressesToJson(presses) });
}

/**
 * Reads what `tokenLine` wrote, and people may have changed since.
 *
 * @throws ShapeError, EmulatorError or OathError
 */
export function readTokenLine(line: string): DrawnToken {
  const members = readMembers(parseJson(line), 'the token', names);
  const text = (name: (typeof names)[number]): string => readText(members[name], name, 256);
  const clock = readClock(members['clock'], 3);
  checkClock(clock);
  return {
    serial: checkSerial(text('serial')),
    profile: profileNamed(text('profile')).name,
    application: applicationText(parseApplicationText(text('application'))),
    group: members['group'] === null ? null : text('group'),
    behaviour: members['behaviour'] === null ? null : text('behaviour'),
    key: readKey(text('key')),
    clock,
    presses: readPresses(members['presses']),
  };
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
