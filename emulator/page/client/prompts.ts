import type { Choices, Key, NewToken, Outcome, TokenView } from '../wire.ts';
import { type Context, copyText } from './context.ts';
import { openDialog } from './dialog.ts';
import { button, field, h } from './dom.ts';

type Confirmation = Extract<Key, { kind: 'confirm' }>;

/** Asks for what the suite on display takes besides the challenge. */
export function askExtras({ extras }: TokenView): Promise<Confirmation | null> {
  return new Promise((resolve) => {
    const pin = h('input', { type: 'password', inputmode: 'numeric', autocomplete: 'off' });
    const session = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
    let confirmation: Confirmation | null = null;
    const dialog = openDialog({
      title: 'This suite takes more',
      content: [
        extras.pin ? field('PIN of the device', pin) : null,
        extras.session ? field('Session data, in hex', session) : null,
      ],
      submitLabel: 'Make the response',
      onSubmit: () => {
        confirmation = {
          kind: 'confirm',
          ...(pin.value === '' ? {} : { pin: pin.value }),
          ...(session.value === '' ? {} : { sessionHex: session.value }),
        };
        return Promise.resolve(null);
      },
    });
    dialog.addEventListener('close', () => resolve(confirmation));
  });
}

/** Shows the challenge of a locked token and takes the code that the host computes for it. */
export function openUnlock(
  context: Context,
  { serial, lcd }: TokenView,
  onOutcome: (outcome: Outcome) => void,
): void {
  const challenge = lcd.copy?.text ?? '';
  const code = h('input', { type: 'text', inputmode: 'numeric', autocomplete: 'off' });
  openDialog({
    title: `Unlock ${serial}`,
    content: [
      h('p', {}, 'The token shows this challenge. The help desk answers it with a code.'),
      h(
        'div',
        { class: 'row' },
        h('output', { class: 'code large', 'aria-label': 'Challenge' }, challenge),
        button('Copy', { 'aria-label': 'Copy the challenge' }, () => {
          void copyText(context, challenge, 'Challenge');
        }),
      ),
      h(
        'code',
        { class: 'command' },
        `tallystick token unlock-code ${serial} --challenge ${challenge}`,
      ),
      field('Unlock code', code),
    ],
    submitLabel: 'Unlock',
    onSubmit: async () => {
      const outcome = await context.api.unlock(serial, code.value.trim());
      onOutcome(outcome);
      return outcome.refusal;
    },
  });
  code.focus();
}

/** Makes a token with seeds that this process draws and keeps. */
export function openNewToken(
  context: Context,
  { profiles, presets, batteries }: Choices,
  suggestedSerial: string,
  onMade: (serial: string) => void,
): void {
  const serial = h('input', { type: 'text', value: suggestedSerial, autocomplete: 'off' });
  const profile = h(
    'select',
    {},
    ...profiles.map(({ name }) => h('option', { value: name }, name)),
  );
  const about = h('p', { class: 'quiet' });
  const describe = (): void => {
    about.textContent = profiles.find(({ name }) => name === profile.value)?.description ?? '';
  };
  profile.addEventListener('change', describe);
  describe();
  const preset = h('select', {}, ...presets.map((name) => h('option', { value: name }, name)));
  const battery = h(
    'select',
    {},
    ...batteries.map(({ name, description }) => h('option', { value: name }, description)),
  );
  openDialog({
    title: 'New token',
    content: [
      field('Serial', serial),
      field('Profile', profile),
      about,
      field('Clock', preset),
      field('Battery', battery),
      h(
        'p',
        { class: 'quiet' },
        'Its seeds are random. For a server: vtoken export, or vtoken pair.',
      ),
    ],
    submitLabel: 'Make it',
    onSubmit: async () => {
      const wanted: NewToken = {
        serial: serial.value.trim().toUpperCase(),
        profile: profile.value,
        preset: preset.value,
        battery: battery.value,
      };
      await context.api.create(wanted);
      onMade(wanted.serial);
      return null;
    },
  });
  serial.select();
}
