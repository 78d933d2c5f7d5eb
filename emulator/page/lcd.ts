import type { Display } from '../device/screens.ts';
import type { PoweredDisplay } from '../device/operate-battery.ts';
import type { Refusal } from '../device/refusal.ts';
import { isoTime } from '../fleet/iso-time.ts';
import type { LcdView } from './wire.ts';

type Shown = Pick<LcdView, 'main' | 'note' | 'spoken'> & Partial<Pick<LcdView, 'asks' | 'copy'>>;

/** What a display shows, letter by letter, and what somebody hears who listens. */
export function lcdOf(display: PoweredDisplay, deviceTimeMs: number): LcdView {
  const shown = shownOf(display, deviceTimeMs);
  const { isBatteryLow } = display;
  return {
    isOn: display.kind !== 'blank' && display.kind !== 'battery-dead',
    asks: null,
    copy: null,
    ...shown,
    spoken: isBatteryLow ? `${shown.spoken}. Battery low` : shown.spoken,
    isBatteryLow,
  };
}

function shownOf(display: PoweredDisplay, deviceTimeMs: number): Shown {
  if ('applicationName' in display) return openOf(display);
  switch (display.kind) {
    case 'blank':
    case 'battery-dead':
    case 'new-pin':
    case 'confirm-pin':
    case 'locked-for-good':
      return plainScreens[display.kind];
    case 'pin':
      return pinOf(display.failures);
    case 'locked':
      return lockedOf(display);
    case 'locked-out':
      return lockedOutOf(display.untilDeviceTimeMs - deviceTimeMs);
    case 'menu':
      return menuOf(display.applicationNames);
    case 'info':
      return infoOf(display);
  }
}

type OpenDisplay = Extract<Display, { readonly applicationName: string }>;

/** Of an application in use. */
function openOf(display: OpenDisplay): Shown {
  const { applicationName } = display;
  switch (display.kind) {
    case 'challenge':
      return {
        main: typedText(display.typed),
        note: `${applicationName} CHALLENGE`,
        spoken: `${applicationName}: enter the challenge. ${spelt(display.typed)}`.trim(),
        asks: 'challenge',
      };
    case 'response':
      return {
        main: display.response.toUpperCase(),
        note: applicationName,
        spoken: `Response ${spelt(display.response)}`,
        copy: { what: 'Response', text: display.response },
      };
    case 'host-code':
      return {
        main: display.hostCode.toUpperCase(),
        note: `${applicationName} HOST CODE`,
        spoken: `Host code ${spelt(display.hostCode)}: compare it with what the host shows`,
        copy: { what: 'Host code', text: display.hostCode },
      };
    case 'field':
      return fieldOf(display);
  }
}

function fieldOf({ fieldName, number, count, typed }: Extract<Display, { kind: 'field' }>): Shown {
  return {
    main: typedText(typed),
    note: `${number}/${count} ${fieldName}`,
    spoken: `Field ${number} of ${count}, ${fieldName}. ${spelt(typed)}`.trim(),
    asks: 'field',
  };
}

/** What the menu behind a long press shows. */
function infoOf(display: Extract<PoweredDisplay, { kind: 'info' }>): Shown {
  switch (display.item) {
    case 'time':
      return timeOf(display.deviceTimeMs);
    case 'battery':
      return {
        main: String(display.chargePercent),
        note: 'BATTERY %',
        spoken: `Battery ${display.chargePercent} percent`,
      };
    case 'serial':
      return { main: display.serial, note: 'SERIAL', spoken: `Serial ${spelt(display.serial)}` };
  }
}

/** A clock outside the years 1970 to 9999 has no date. */
function timeOf(deviceTimeMs: number): Shown {
  const time = isoTime(deviceTimeMs);
  const [date = '', clock = ''] = time.split('T');
  const main = clock.slice(0, 8).replaceAll(':', '-');
  return { main, note: `TIME ${date} UTC`, spoken: `The clock says ${time}` };
}

/** Those that say the same every time. */
const plainScreens = {
  blank: { main: '', note: '', spoken: 'Display off' },
  'battery-dead': { main: '', note: '', spoken: 'Display off: no power' },
  'new-pin': { main: 'NEW PIN', note: 'ENTER NEW PIN', spoken: 'Enter a new PIN', asks: 'pin' },
  'confirm-pin': {
    main: 'PIN CONF',
    note: 'ONCE MORE',
    spoken: 'Enter the new PIN once more',
    asks: 'pin',
  },
  'locked-for-good': { main: 'LOCKED', note: 'FOR GOOD', spoken: 'Locked for good' },
} as const satisfies Record<string, Shown>;

function pinOf(failures: number): Shown {
  const isFirst = failures === 0;
  return {
    main: isFirst ? 'PIN' : `FAIL ${failures}`,
    note: 'ENTER PIN',
    spoken: isFirst ? 'Enter PIN' : `Fail ${failures}. Enter PIN`,
    asks: 'pin',
  };
}

function lockedOf({ challenge, typed, codesLeft }: Extract<Display, { kind: 'locked' }>): Shown {
  return {
    main: typed === '' ? challenge : typedText(typed),
    note: typed === '' ? 'LOCKED' : `LOCKED ${challenge}`,
    spoken:
      typed === ''
        ? `Locked. Challenge ${spelt(challenge)}. ${codesLeft} unlock codes may be tried`
        : `Locked. Unlock code ${spelt(typed)}`,
    asks: 'unlock-code',
    copy: { what: 'Challenge', text: challenge },
  };
}

function lockedOutOf(remainingMs: number): Shown {
  const minutes = Math.max(1, Math.ceil(remainingMs / 60_000));
  return {
    main: 'LOCKED',
    note: `WAIT ${minutes} MIN`,
    spoken: `Locked. No unlock code is taken for another ${minutes} minutes`,
  };
}

function menuOf(names: readonly string[]): Shown {
  const numbered = names.map((name, index) => `${index + 1} ${name}`);
  return {
    main: 'APPLI _',
    // A line breaks between two names, and in none.
    note: numbered.map(unbroken).join('  '),
    spoken: `Choose an application: ${numbered.join(', ')}`,
    asks: 'application',
  };
}

function unbroken(text: string): string {
  return text.replaceAll(' ', '\u00a0').replaceAll('-', '\u2011');
}

/** Small letters count, but segments have none. */
function typedText(typed: string): string {
  return `${typed.toUpperCase()}_`;
}

/** Read out digit by digit, not as a number of six figures. */
function spelt(text: string): string {
  return Array.from(text).join(' ');
}

const flashes: Partial<Readonly<Record<Refusal['code'], string>>> = {
  'pin-weak': 'WEAK PIN',
  'pin-confirmation-differs': 'NOT SAME',
  'unlock-code-wrong': 'FAIL',
  'challenge-check-digit': 'ERROR',
};

/** What a real one shows for a moment when it refuses; null where it would beep. */
export function flashOf({ code }: Refusal): string | null {
  return flashes[code] ?? null;
}
