import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { openDesk } from './support.ts';

const desk = openDesk();

const accepted = {
  outcome: 'accepted',
  userName: 'jane',
  domainName: 'master',
  serial: 'VT1',
  applicationName: 'SIGN',
};
const signed = { ...accepted, outcome: 'signature-accepted', organisationalUnit: null };

describe('verify-signature', () => {
  it('reads the signature from standard input and says what signed', async () => {
    const world = await desk.serve({
      verifySignature: signed,
    });
    const over = ['--field', '4711', '--field', '125000'];
    const ran = await desk.run(['verify-signature', 'jane', ...over], { input: '12345678\n' });
    expect(ran).toEqual({ code: 0, printed: 'Accepted: signed by VT1/SIGN of jane.', said: '' });
    const narrowed = ['--serial', 'VT1', '--application', 'SIGN', '--domain', 'sales'];
    const signature = ['--signature', '1', '--request-key', 'key-1', '--json'];
    const json = await desk.run(['verify-signature', ...over, 'jane', ...narrowed, ...signature]);
    expect(JSON.parse(json.printed)).toMatchObject({ outcome: 'signature-accepted' });
    expect(world.reached.map(({ args }) => args[1])).toMatchObject([
      { userName: 'jane', signature: '12345678', fields: ['4711', '125000'], serial: null },
      {
        signature: '1',
        serial: 'VT1',
        applicationName: 'SIGN',
        domainName: 'sales',
        requestKey: 'key-1',
      },
    ]);
  });

  it('asks for the host code of a response or a signature, and prints it', async () => {
    const hostCode = '654321';
    const world = await desk.serve({
      authenticate: { ...accepted, hostCode },
      verifySignature: { ...signed, hostCode },
    });
    const wish = ['--host-code', 'required'];
    const shown = await desk.run(['authenticate', 'jane', ...wish, '--response', '1']);
    expect(shown.printed).toMatch(/^Accepted: jane by .*\. Host code: 654321\.$/);
    const signing = await desk.run(['verify-signature', 'jane', ...wish, '--field', '1'], {
      input: '1\n',
    });
    expect(signing.printed).toBe('Accepted: signed by VT1/SIGN of jane. Host code: 654321.');
    for (const { args } of world.reached) expect(args[1]).toMatchObject({ hostCode: 'required' });
    const other = await desk.run(['authenticate', 'jane', '--host-code', 'yes', '--response', '1']);
    expect(other).toMatchObject({ code: exitCodes.usage });
    expect(world.reached).toHaveLength(2);
  });

  it('wants the fields of a signature, and says why one is refused', async () => {
    await desk.serve({ verifySignature: { outcome: 'refused', code: 'response-replayed' } });
    const without = await desk.run(['verify-signature', 'jane'], { input: '12345678\n' });
    expect(without).toMatchObject({ code: exitCodes.usage, printed: '' });
    expect(without.said).toMatch(/--field/);
    const ran = await desk.run(['verify-signature', 'jane', '--field', '1', '--signature', '1']);
    expect(ran.code).toBe(exitCodes.refused);
    expect(ran.said).toMatch(/\[response-replayed\]$/);
  });
});
