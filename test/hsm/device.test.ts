import { createPublicKey, diffieHellman, generateKeyPairSync, verify } from 'node:crypto';
import pkcs11 from 'pkcs11js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DeviceModule, openDevice } from '../../hsm/index.ts';
import { freshSoftHsm, type SoftHsmToken } from '../support/softhsm.ts';

let softHsm: SoftHsmToken;
let device: DeviceModule;

beforeAll(async () => {
  softHsm = await freshSoftHsm();
  device = await openDevice({ uri: softHsm.uri });
});

afterAll(async () => {
  await device.close();
  await softHsm.remove();
});

/** As a write that was interrupted: this process is logged in already. */
function leaveBehind(label: string, value: number): void {
  const p11 = new pkcs11.PKCS11();
  p11.load(softHsm.modulePath);
  const flags = pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION;
  const session = p11.C_OpenSession(p11.C_GetSlotList(true)[0]!, flags);
  p11.C_CreateObject(session, [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_DATA },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_LABEL, value: label },
    { type: pkcs11.CKA_VALUE, value: Buffer.from(String(value)) },
  ]);
  p11.C_CloseSession(session);
}

describe('the safe of a workstation', () => {
  it('signs and agrees by a key pair of its own', async () => {
    const spki = Buffer.from(await device.createKeyPair('pair'));
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const message = Buffer.from('message');
    const signature = await device.sign('pair', message);
    expect(
      verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature),
    ).toBe(true);

    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const point = other.publicKey.export({ format: 'der', type: 'spki' }).subarray(-65);
    const agreed = await device.agree('pair', point);
    const expected = diffieHellman({ privateKey: other.privateKey, publicKey });
    expect(Buffer.from(agreed).equals(expected)).toBe(true);

    await expect(device.createKeyPair('pair')).rejects.toMatchObject({ kind: 'contract' });
    await device.destroy('pair');
    await device.destroy('pair');
    await expect(device.sign('pair', message)).rejects.toMatchObject({ kind: 'contract' });
  });

  it('has a key for as long as it is wanted, and another one afterwards', async () => {
    const message = Buffer.from('message');
    await device.createMacKey('one');
    const first = Buffer.from(await device.mac('one', message));
    expect(first).toHaveLength(32);
    expect(Buffer.from(await device.mac('one', message)).equals(first)).toBe(true);
    await device.createMacKey('one');
    const second = Buffer.from(await device.mac('one', message));
    expect(second.equals(first)).toBe(false);
    await device.destroy('one');
    await device.destroy('one');
    await expect(device.mac('one', message)).rejects.toMatchObject({ kind: 'contract' });
  });

  it('keeps a number across logins', async () => {
    expect(await device.readNumber('counter')).toBeNull();
    await device.writeNumber('counter', 41);
    await device.writeNumber('counter', 42);
    // A crash between making the new one and taking the old one away leaves both, in any order.
    leaveBehind('counter', 41);
    const again = await openDevice({ uri: softHsm.uri });
    expect(await again.readNumber('counter')).toBe(42);
    await again.close();
    expect(await device.readNumber('counter')).toBe(42);
    await device.destroy('counter');
    expect(await device.readNumber('counter')).toBeNull();
  });
});
