import { describe, expect, it } from 'vitest';
import {
  gatewaySecretProblem,
  parseGatewaySettings,
  secretRoute,
  usesSecret,
} from '../../src/domain/gateway-settings.ts';
import { type Channel, channels, type GatewaySettings } from '../../src/domain/gateway.ts';
import { fileGiven, httpGiven, smtpGiven } from '../support/gateways.ts';

function settingsOf(value: unknown, channel: Channel = 'email'): GatewaySettings {
  const parsed = parseGatewaySettings(channel, value);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join(' '));
  return parsed.settings;
}

function refusedNames(value: unknown, channel: Channel = 'email'): readonly string[] {
  const parsed = parseGatewaySettings(channel, value);
  return parsed.ok ? [] : parsed.problems.map(({ name }) => name);
}

describe('the settings of a gateway', () => {
  it.each([smtpGiven, httpGiven, fileGiven])('are taken as they are: $kind', (given) => {
    expect(settingsOf(given)).toEqual(given);
  });

  it('have defaults for what may be left out', () => {
    const { subject, userName, ...mail } = smtpGiven;
    expect(settingsOf(mail)).toEqual({
      ...mail,
      userName: null,
      subject: 'Your one-time password',
    });
    expect([subject, userName]).not.toContain(undefined);
    const { headers, ...post } = httpGiven;
    expect(settingsOf(post)).toEqual({ ...post, headers: {} });
    expect(headers).not.toEqual({});
  });

  it.each([[null], [[]], ['text'], [7]])('are an object, not %j', (value) => {
    expect(refusedNames(value)).toEqual(['settings']);
  });

  it.each([[undefined], ['ftp'], [null], ['toString']])('are of no kind %j', (kind) => {
    expect(refusedNames({ ...smtpGiven, kind })).toEqual(['kind']);
  });

  it('send mail by a mail server, and nothing else by it', () => {
    expect(refusedNames(smtpGiven, 'sms')).toEqual(['kind']);
    expect(refusedNames(smtpGiven, 'voice')).toEqual(['kind']);
    for (const channel of channels) {
      expect(refusedNames(httpGiven, channel)).toEqual([]);
      expect(refusedNames(fileGiven, channel)).toEqual([]);
    }
  });

  it('name every problem and what is allowed', () => {
    expect(parseGatewaySettings('email', { kind: 'file', fileName: '..', url: 'x' })).toEqual({
      ok: false,
      problems: [
        { name: 'url', message: 'url is no member of file; allowed are kind, fileName.' },
        {
          name: 'fileName',
          message:
            'fileName must be 1 to 64 letters, digits, dots, hyphens and underscores, not "." or "..".',
        },
      ],
    });
    expect(refusedNames({ kind: 'smtp' })).toEqual(['host', 'port', 'security', 'from']);
    expect(refusedNames({ kind: 'http' })).toEqual(['url', 'content', 'body']);
  });

  it('are not fooled by what every object has', () => {
    const given = JSON.parse(
      '{"kind":"file","fileName":"a","__proto__":{},"toString":1}',
    ) as object;
    expect(refusedNames(given)).toEqual(['__proto__', 'toString']);
  });
});

describe('a mail server', () => {
  it.each<[string, unknown]>([
    ['host', ''],
    ['host', 'mail.example.com:587'],
    ['host', '[::1]'],
    ['host', ':::'],
    ['host', 'a b'],
    ['host', 'mail.example.com.'],
    ['host', '-a'],
    ['host', 'x'.repeat(254)],
    ['host', 'bücher.example'],
    ['host', 7],
    ['port', 0],
    ['port', 65_536],
    ['port', 25.5],
    ['port', '25'],
    ['security', 'ssl'],
    ['security', null],
    ['userName', ''],
    ['userName', 'a\nb'],
    ['userName', 'u'.repeat(256)],
    ['from', 'otp'],
    ['from', 'a@example.org, b@example.org'],
    ['from', 'a@b <c@d> <e@f>'],
    ['from', 'Codes\r\nBcc: x <otp@example.org>'],
    ['from', `${'a'.repeat(243)}@example.org`],
    ['from', null],
    ['subject', ''],
    ['subject', 'a\u2028b'],
    ['subject', '\ud800'],
    ['subject', 's'.repeat(256)],
  ])('is refused %s %j', (name, value) => {
    expect(refusedNames({ ...smtpGiven, [name]: value })).toEqual([name]);
  });

  it.each<[string, unknown]>([
    ['host', 'mail'],
    ['host', '10.1.0.7'],
    ['host', '2001:db8::1'],
    ['host', '_smtp.example.com'],
    ['port', 1],
    ['port', 65_535],
    ['security', 'tls'],
    ['userName', null],
    ['from', 'otp@example.org'],
    ['from', `${'a'.repeat(242)}@example.org`],
  ])('may have %s %j', (name, value) => {
    expect(settingsOf({ ...smtpGiven, [name]: value })).toMatchObject({ [name]: value });
  });

  it.each([
    ['127.0.0.1', true],
    ['127.255.1.9', true],
    ['LOCALHOST', true],
    ['::1', true],
    ['127.0.0.256', false],
    ['127.0.0.01', false],
    ['127.0.0.1.example.com', false],
    ['localhost.example.com', false],
    ['::ffff:127.0.0.1', false],
    ['10.1.0.7', false],
  ])('goes without encryption to this machine only: %s is %s', (host, isTaken) => {
    const names = refusedNames({ ...smtpGiven, host, security: 'none' });
    expect(names).toEqual(isTaken ? [] : ['security']);
  });
});

describe('a web service', () => {
  it.each([
    [''],
    [7],
    ['sms.example.com/v1'],
    ['http://sms.example.com/'],
    ['http://127.0.0.1.example.com/'],
    ['https://user@sms.example.com/'],
    ['https://:password@sms.example.com/'],
    ['https://sms.example.com/?to={to}'],
    ['https://sms.example.com/{secret}'],
    [' https://sms.example.com/'],
    ['https://bücher.example/'],
    ['file:///etc/passwd'],
    ['https://'],
    [`https://sms.example.com/${'x'.repeat(2048)}`],
  ])('is not at %j', (url) => {
    expect(refusedNames({ ...httpGiven, url })).toEqual(['url']);
  });

  it.each([
    ['https://sms.example.com'],
    ['http://127.0.0.1:2580/messages'],
    ['http://localhost/'],
    ['http://[::1]:80/'],
  ])('may be at %j', (url) => {
    expect(settingsOf({ ...httpGiven, url })).toMatchObject({ url });
  });

  it.each<[string, unknown]>([
    ['json', ''],
    ['json', 7],
    ['json', '{"to":{to},"text":"{text}"}'],
    ['json', '{"to":"{to}","text":"{text}"'],
    ['json', '{"to":"{to}"}'],
    ['json', '{"text":"{text}"}'],
    ['form', 'to={to}&text=a {text}'],
    ['form', 'to={to}'],
    ['text', '{to} \u0000{text}'],
    ['text', `{to} {text}${'x'.repeat(4096)}`],
  ])('of %s does not take the body %j', (content, body) => {
    expect(refusedNames({ ...httpGiven, content, body })).toEqual(['body']);
  });

  it.each([
    ['json', '[{"to":["{to}"],\n\t"text":"Hello: {text} {text}"}]'],
    ['form', 'to={to}&text=a%20{text}'],
    ['text', '{to}\r\n{text}'],
  ])('of %s takes the body %j', (content, body) => {
    expect(settingsOf({ ...httpGiven, content, body })).toMatchObject({ content, body });
  });

  it('may be told the recipient in a header, and what the message is in the body only', () => {
    const body = '{"text":"{text}"}';
    const headers = { 'X-To': '{to}' };
    expect(settingsOf({ ...httpGiven, body, headers })).toMatchObject({ body, headers });
    expect(refusedNames({ ...httpGiven, content: 'xml' })).toEqual(['content']);
  });
});

describe('headers', () => {
  it.each<[string, unknown]>([
    ['no object', 'X-A: b'],
    ['null', null],
    ['a list', []],
    ['a number', { 'X-A': 7 }],
    ['too many', Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`x-${String(n)}`, '']))],
    ['a name with a blank', { 'X A': '' }],
    ['no name', { '': '' }],
    ['a name with a line end', { 'X\r\nHost': '' }],
    ['a long name', { ['x'.repeat(65)]: '' }],
    ['two spellings of a name', { 'X-A': '1', 'x-a': '2' }],
    ['a line end', { 'X-A': 'a\r\nHost: b' }],
    ['what is not ASCII', { 'X-A': 'ü' }],
    ['a long value', { 'X-A': 'a'.repeat(1025) }],
    ['the message', { 'X-A': '{text}' }],
    ['a secret in the open', { Authorization: 'Bearer abc' }],
    ['a secret in the open for a proxy', { 'proxy-authorization': 'abc' }],
  ])('refuse %s', (_what, headers) => {
    expect(refusedNames({ ...httpGiven, headers })).toEqual(['headers']);
  });

  it.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Connection',
    'Expect',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Upgrade',
  ])('leave %s to this server', (name) => {
    expect(parseGatewaySettings('sms', { ...httpGiven, headers: { [name]: 'x' } })).toEqual({
      ok: false,
      problems: [
        {
          name: 'headers',
          message: `The header ${name} is written by this server and cannot be set.`,
        },
      ],
    });
  });

  it('keep a name that objects have already', () => {
    const headers = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>;
    const settings = settingsOf({ ...httpGiven, headers });
    expect(JSON.stringify(settings)).toContain('"headers":{"__proto__":"a","constructor":"b"}');
  });

  it('name each header that is wrong', () => {
    expect(refusedNames({ ...httpGiven, headers: { Host: 'a', 'X-A': '{text}' } })).toEqual([
      'headers',
      'headers',
    ]);
  });
});

describe('the secret of a gateway', () => {
  const withoutUser = settingsOf({ ...smtpGiven, userName: null });
  const inHeader = settingsOf(httpGiven);
  const body = '{"to":"{to}","text":"{text}","key":"{secret}"}';
  const inBody = settingsOf({ ...httpGiven, body, headers: {} });
  const unused = settingsOf({ ...httpGiven, headers: {} });

  it('is used by a user name and by {secret}', () => {
    expect([settingsOf(smtpGiven), inHeader, inBody].map(usesSecret)).toEqual([true, true, true]);
    expect([withoutUser, unused, settingsOf(fileGiven)].map(usesSecret)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it.each<[GatewaySettings, string, RegExp]>([
    [withoutUser, 'secret', /^must be left out/],
    [inBody, '', /^must be 1 to 1024 characters/],
    [inBody, 'a\nb', /^must be 1 to 1024 characters/],
    [inBody, 's'.repeat(1025), /^must be 1 to 1024 characters/],
    [inHeader, 'grün', /^must be printable ASCII/],
  ])('that does not fit is told apart (%#)', (settings, secret, said) => {
    expect(gatewaySecretProblem(settings, secret)).toMatch(said);
  });

  it.each<[GatewaySettings, string]>([
    [settingsOf(smtpGiven), 'grün {text}'],
    [inBody, 's'.repeat(1024)],
    [inHeader, 'plain ~'],
  ])('that fits is taken (%#)', (settings, secret) => {
    expect(gatewaySecretProblem(settings, secret)).toBeNull();
  });

  it.each<[string, object, object]>([
    ['host', smtpGiven, { host: 'elsewhere.example.com' }],
    ['port', smtpGiven, { port: 465 }],
    ['security', smtpGiven, { security: 'tls' }],
    ['user name', smtpGiven, { userName: 'other' }],
    ['url', httpGiven, { url: 'https://elsewhere.example.com/' }],
    ['headers', httpGiven, { headers: { 'X-To': '{secret}' } }],
    ['body', httpGiven, { body: '{"to":"{to}","text":"{text} {secret}"}' }],
    ['kind', smtpGiven, fileGiven],
  ])('goes another way with another %s', (_what, before, change) => {
    const after = settingsOf({ ...(change === fileGiven ? {} : before), ...change });
    expect(secretRoute(after)).not.toBe(secretRoute(settingsOf(before)));
  });

  it('goes the same way with another text around it', () => {
    const mail = settingsOf({ ...smtpGiven, from: 'new@example.org', subject: 'New' });
    expect(secretRoute(mail)).toBe(secretRoute(settingsOf(smtpGiven)));
    const headers = { 'X-B': 'b', 'X-A': '{secret}' };
    const sorted = { 'X-A': '{secret}', 'X-B': 'b' };
    const said = '{"to":"{to}","text":"Code: {text}"}';
    expect(secretRoute(settingsOf({ ...httpGiven, headers, body: said }))).toBe(
      secretRoute(settingsOf({ ...httpGiven, headers: sorted })),
    );
  });
});
