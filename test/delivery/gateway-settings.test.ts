import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseGatewaySettings } from '../../src/domain/gateway-settings.ts';
import type { GatewaySettings } from '../../src/domain/gateway.ts';
import { fileGiven, httpGiven, smtpGiven } from '../support/gateways.ts';
import { failureOf, send } from './support.ts';

/** Administrators are told of mistakes when they save, so what is saved must be fit to send by. */

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-gateways-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const secret = new TextEncoder().encode('s3cret');
/** Nobody listens there. */
const here = { ...smtpGiven, host: '127.0.0.1', port: 1 };
const post = { ...httpGiven, url: 'http://127.0.0.1:1/' };

const texts = {
  form: 'to={to}&text={text}&key={secret}',
  text: '{to}\r\n{text}',
};

it.each<[string, GatewaySettings]>([
  ['a mail server', here],
  ['one to which nobody logs on', { ...here, userName: null }],
  ['one without encryption', { ...here, host: 'localhost', security: 'none' }],
  ['one by its IPv6 address', { ...here, host: '::1' }],
  ['a bare address of the sender', { ...here, from: 'otp@example.org' }],
  ['a web service', post],
  ['one that takes forms', { ...post, content: 'form', body: texts.form }],
  ['one that takes text', { ...post, content: 'text', body: texts.text, headers: {} }],
  ['one with many headers', { ...post, headers: { 'X-To': '{to}', "!#$%&'*+.^_`|~-": '\t ~' } }],
])('takes %s that is not there, and delivery tries', async (_what, settings) => {
  expect(parseGatewaySettings('email', settings).ok).toBe(true);
  const message = { to: 'grace@example.org' };
  expect(await failureOf(settings, { secret, message })).toMatchObject({ kind: 'unreachable' });
});

it('takes the name of a file, and delivery writes it', async () => {
  expect(parseGatewaySettings('sms', fileGiven).ok).toBe(true);
  await expect(send(fileGiven, { folder })).resolves.toBeUndefined();
});

it.each<[string, GatewaySettings]>([
  ['a host with a blank', { ...here, host: 'a b' }],
  ['a host in brackets', { ...here, host: '[::1]' }],
  ['port 0', { ...here, port: 0 }],
  ['no encryption beyond this machine', { ...here, host: 'example.com', security: 'none' }],
  ['an empty user name', { ...here, userName: '' }],
  ['two senders', { ...here, from: 'a@example.org, b@example.org' }],
  ['a subject of two lines', { ...here, subject: 'a\nb' }],
  ['plain http beyond this machine', { ...post, url: 'http://example.com/' }],
  ['a password in the URL', { ...post, url: 'https://a:b@127.0.0.1:1/' }],
  ['a body that is no JSON', { ...post, body: '{"to":{to},"text":"{text}"}' }],
  ['a message in a header', { ...post, headers: { 'X-Text': '{text}' } }],
  ['a header that frames', { ...post, headers: { Host: 'example.com' } }],
  ['a header of two lines', { ...post, headers: { 'X-A': 'a\r\nb' } }],
  ['a header without a name', { ...post, headers: { 'X A': 'a' } }],
  ['a file elsewhere', { kind: 'file', fileName: '../a' }],
  ['a folder', { kind: 'file', fileName: '..' }],
])('refuses %s, as delivery does', async (_what, settings) => {
  expect(parseGatewaySettings('email', settings).ok).toBe(false);
  const message = { to: 'grace@example.org' };
  expect(await failureOf(settings, { secret, folder, message })).toMatchObject({
    kind: 'contract',
  });
});
