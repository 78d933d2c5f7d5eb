import { parseModel, parseSerial } from '../../domain/names.ts';
import type { NewVirtualMobile } from '../api.ts';
import { createProblemList } from '../problems.ts';
import { administer, type Desk, doneEntry } from './desk.ts';
import { authenticatorRecord } from './new-seeds.ts';
import { checkInstant } from './values.ts';

/** As OneSpan calls its own. */
const defaultModel = 'VIR10';

/**
 * Creates the right to have one-time passwords sent: a row without applications, so without seeds.
 *
 * @returns its serial
 * @throws TallystickError `request-invalid` naming every member that is wrong, or `conflict` for a
 *   serial in use
 */
export async function createVirtualMobile(desk: Desk, given: NewVirtualMobile): Promise<string> {
  const { expiresAtMs } = given;
  const problems = createProblemList();
  const serial = problems.parse('serial', () => parseSerial(given.serial));
  const model = problems.parse('model', () => parseModel(given.model ?? defaultModel));
  problems.parse('expiresAtMs', () => checkInstant('expiresAtMs', expiresAtMs));
  problems.throwIfAny();
  if (serial === undefined || model === undefined) throw new RangeError('every member was parsed');
  const kind = 'virtual-mobile';
  const record = authenticatorRecord(desk, { serial, model, expiresAtMs, kind, isVirtual: false });
  await administer(desk, `The authenticator ${serial}`, null, () => ({
    changes: [{ change: 'insert', kind: 'authenticator', record }],
    audit: doneEntry(desk, 'authenticator.create', serial, { model, kind }),
  }));
  return serial;
}
