import { expect, it } from 'vitest';
import { DeliveryFailedError, TallystickError } from '../../src/errors.ts';
import { createLogger, logFailure } from '../../src/observe/index.ts';

const request = {
  requestId: 'r-1',
  route: '/v1/authenticate',
  keyName: 'intranet',
  peerAddress: '10.1.2.3',
};

function logged(error: TallystickError): Record<string, unknown> {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', target: { line: (text) => lines.push(text) } });
  logFailure(logger, error, request);
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

it('says of a fault of the module which call failed, how, and for whom', () => {
  const cause = { kind: 'unavailable', ckr: 0x30, detail: 'C_SignInit: CKR_DEVICE_ERROR' };
  const error = new TallystickError('module-unavailable', 'It does not answer.', { cause });
  expect(logged(error)).toMatchObject({
    ...request,
    level: 'error',
    message: 'It does not answer.',
    errorCode: 'module-unavailable',
    error: { cause },
  });
});

it("says the driver's own words of a fault of the database", () => {
  const cause = Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  const error = new TallystickError('store-full', 'It is full.', { cause });
  expect(logged(error)).toMatchObject({
    error: { cause: { errorCode: 'SQLITE_FULL', message: 'database or disk is full' } },
  });
});

it('warns of a caller who may not do what he asked for', () => {
  const fields = { role: 'client', permission: 'users.write' };
  expect(logged(new TallystickError('forbidden', 'Not this role.', { fields }))).toMatchObject({
    ...request,
    ...fields,
    level: 'warn',
    errorCode: 'forbidden',
  });
});

it('warns of a message that no gateway took, with what each said and no stack', () => {
  const failures = [
    { channel: 'sms', gateway: 'main', kind: 'unreachable', cause: 'no answer: ECONNREFUSED' },
    { channel: 'sms', gateway: 'spare', kind: 'refused', cause: 'the web service answered 401' },
  ];
  const line = logged(new DeliveryFailedError(failures));
  const { time, ...told } = line;
  expect(time).toEqual(expect.any(String));
  expect(told).toEqual({
    ...request,
    level: 'warn',
    message: 'The one-time password could not be sent.',
    errorCode: 'delivery-failed',
    failures,
  });
});
