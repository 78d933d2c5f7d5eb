import { signs } from './application.ts';
import type { UserInputs } from './generate.ts';
import { applicationAt, type Device, type Screen } from './screens.ts';
import { show } from './show.ts';
import { alphabets, type SignatureField } from './signature-fields.ts';
import { type Change, refuse, showing, type Turn, withoutFunction } from './turn.ts';

type FieldScreen = Extract<Screen, { kind: 'field' }>;

/** The screen that asks for the first data field. */
export function firstField(application: number, sinceMs: number): FieldScreen {
  return { kind: 'field', application, entered: [], typed: '', sinceMs };
}

/** The field that a screen asks for. */
function fieldAt(device: Device, { application, entered }: FieldScreen): SignatureField {
  const field = applicationAt(device, application).fields?.[entered.length];
  if (field === undefined) throw new RangeError('the state belongs to another device');
  return field;
}

/** The key that leads from the challenge of a multi-mode application to its data fields. */
export function askForFields(turn: Turn): Change {
  const { device, state, deviceTimeMs } = turn;
  const { screen } = state;
  if (screen.kind !== 'challenge') return withoutFunction(turn);
  if (!signs(applicationAt(device, screen.application))) return withoutFunction(turn);
  return showing(state, firstField(screen.application, deviceTimeMs));
}

/** Characters of a data field. */
export function typeField(turn: Turn, screen: FieldScreen, text: string): Change {
  const { device, state, deviceTimeMs } = turn;
  const { name: fieldName, alphabet, charactersMax, upperCase } = fieldAt(device, screen);
  const { pattern, allowed } = alphabets[alphabet];
  if (!pattern.test(text)) return refuse(turn, { code: 'field-character', fieldName, allowed });
  const typed = screen.typed + (upperCase ? text.toUpperCase() : text);
  if (typed.length > charactersMax) {
    return refuse(turn, { code: 'field-length', fieldName, charactersMax });
  }
  return showing(state, { ...screen, typed, sinceMs: deviceTimeMs });
}

/** The key after a data field: on to the next one, or to the signature over all. */
export function confirmField(turn: Turn, screen: FieldScreen, inputs: UserInputs): Change {
  const { device, state, deviceTimeMs } = turn;
  const { name: fieldName, charactersMax } = fieldAt(device, screen);
  if (screen.typed === '') return refuse(turn, { code: 'field-length', fieldName, charactersMax });
  const entered = [...screen.entered, screen.typed];
  const { fields = [] } = applicationAt(device, screen.application);
  if (entered.length === fields.length) {
    return show(turn, screen.application, { ...inputs, fields: entered });
  }
  return showing(state, { ...screen, entered, typed: '', sinceMs: deviceTimeMs });
}
