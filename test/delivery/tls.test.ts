import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SmtpSettings } from '../../src/service/ports.ts';
import { keyPair, smtpTo, startMailServer } from './mail-server.ts';
import { secret } from './sample.ts';
import { failureOf, type ProgramInput, sentByProgram } from './support.ts';
import { httpTo, startWebService } from './web-service.ts';

/** The environment of a process that trusts this certificate. */
function trusting(certificate: string): ProgramInput {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-delivery-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'trusted.pem');
  writeFileSync(path, certificate);
  return { environment: { NODE_EXTRA_CA_CERTS: path } };
}

const careless: ProgramInput = { environment: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } };
const untrusted = { kind: 'unreachable', detail: /: DEPTH_ZERO_SELF_SIGNED_CERT$/ };
const unlike = { kind: 'unreachable', detail: /: ERR_TLS_CERT_ALTNAME_INVALID$/ };
const failing = ({ kind, detail }: { kind: string; detail: RegExp }): unknown => ({
  kind,
  detail: expect.stringMatching(detail) as string,
});

describe.each<[SmtpSettings['security'], boolean]>([
  ['tls', true],
  ['starttls', false],
])('mail by %s', (security, secure) => {
  const serving = { secure, disabledCommands: [], authOptional: false };

  it('goes to a server whose certificate is trusted, and the secret with it', async () => {
    const pair = keyPair();
    const server = await startMailServer({ ...serving, ...pair });
    const settings = smtpTo(server.port, { security, host: 'localhost', userName: 'otp' });
    expect(await sentByProgram(settings, trusting(pair.cert))).toBeNull();
    expect(server.mails).toMatchObject([{ isSecure: true, user: 'otp' }]);
  });

  it('does not go to a server whose certificate is not trusted', async () => {
    const server = await startMailServer({ ...serving, ...keyPair() });
    const settings = smtpTo(server.port, { security, userName: 'otp' });
    expect(await failureOf(settings, { secret })).toEqual(failing(untrusted));
    expect(await sentByProgram(settings, careless)).toEqual(failing(untrusted));
    expect(server.mails).toEqual([]);
  });

  it('does not go to a server whose certificate is of another name', async () => {
    const pair = keyPair();
    // The same machine, by an address that is not in the certificate.
    const server = await startMailServer({ ...serving, ...pair }, '127.0.0.2');
    const settings = smtpTo(server.port, { security, host: '127.0.0.2', userName: 'otp' });
    expect(await sentByProgram(settings, trusting(pair.cert))).toEqual(failing(unlike));
    expect(server.mails).toEqual([]);
  });

  it('does not go to a server without TLS', async () => {
    const server = await startMailServer();
    const failure = await failureOf(smtpTo(server.port, { security }));
    expect(failure.kind).toBe(security === 'tls' ? 'unreachable' : 'refused');
    expect(server.mails).toEqual([]);
  });
});

describe('a web service by https', () => {
  it('gets a message if its certificate is trusted', async () => {
    const tls = keyPair();
    const service = await startWebService({ tls });
    const settings = httpTo(service.port, { url: `https://localhost:${String(service.port)}/` });
    expect(await sentByProgram(settings, trusting(tls.cert))).toBeNull();
    expect(service.requests).toHaveLength(1);
  });

  it('gets none if its certificate is not trusted', async () => {
    const service = await startWebService({ tls: keyPair() });
    const settings = httpTo(service.port, { url: `https://127.0.0.1:${String(service.port)}/` });
    expect(await failureOf(settings)).toEqual(failing(untrusted));
    expect(await sentByProgram(settings, careless)).toEqual(failing(untrusted));
    expect(service.requests).toEqual([]);
  });
});
