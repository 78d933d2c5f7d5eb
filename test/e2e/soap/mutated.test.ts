import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  type ServerProcess,
  startServer,
} from '../../support/cli.ts';
import { describeLayer } from '../../support/layers.ts';
import { proofSize, proofTimeoutMs, reportProof } from '../../support/proof.ts';
import { attributeCommand, envelopeOf, typedCommand } from '../../support/soap-client.ts';
import { administratorOf, createHolder, must } from '../support.ts';

/** Numbers between 0 and 1, the same in every run. */
function drawsFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const splinters = [
  '<',
  '>',
  '&',
  '"',
  '\0',
  ']]>',
  '<!--',
  '<a>',
  '</a>',
  '&#0;',
  '\uFFFF',
  'é',
  '0',
];

const words = [
  'CREDFLD_USERID',
  'CREDFLD_DOMAIN',
  'CREDFLD_PASSWORD',
  'CREDFLD_PASSWORD_FORMAT',
  'CREDFLD_DP_RESPONSE',
  'CREDFLD_SERIAL_NO',
  'CREDFLD_CHALLENGE',
  'CREDFLD_CHALLENGE_KEY',
  'CREDFLD_SESSION_ID',
  'fuzzjane',
  'master',
  'SOAP Auth Client',
  'xsd:string',
  'attributeOptions',
  'otp1',
  'otp2',
  'opt1',
  'serialNumber',
  'userID',
  '123456',
  '4',
  'x'.repeat(300),
  '\u{1D11E}',
];

/** One word for another: most of what comes out can still be read. */
function reworded(document: Buffer, draw: () => number): Buffer {
  const word = (): string => words[Math.floor(draw() * words.length)]!;
  return Buffer.from(document.toString().replace(word(), word()));
}

/** One to three things done to a document: cut, doubled, moved, or something put into it. */
function mutated(document: Buffer, draw: () => number): Buffer {
  let changed = document;
  for (let times = Math.ceil(draw() * 3); times > 0; times -= 1) {
    const from = Math.floor(draw() * changed.length);
    const to = Math.min(changed.length, from + Math.floor(draw() * draw() * 200));
    const [before, slice, after] = [
      changed.subarray(0, from),
      changed.subarray(from, to),
      changed.subarray(to),
    ];
    const splinter = Buffer.from(splinters[Math.floor(draw() * splinters.length)]!);
    const byte = Buffer.from([Math.floor(draw() * 256)]);
    const kinds: readonly (readonly Buffer[])[] = [
      [before, after],
      [before, slice, slice, after],
      [slice, before, after],
      [before, splinter, slice, after],
      [before, byte, after],
    ];
    changed = Buffer.concat(kinds[Math.floor(draw() * kinds.length)]!);
  }
  return changed;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

function post(url: string, body: Buffer): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': body.length };
    const sending = request(`${url}/`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sending.once('error', reject).end(body);
  });
}

function residentKibibytes({ child }: ServerProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}

describeLayer('softhsm', 'mutated envelopes', () => {
  let installation: Installation;
  let server: ServerProcess;

  beforeAll(async () => {
    installation = await freshInstallation();
    server = await startServer(installation.configFile, ['log.level=warn']);
  });

  afterAll(async () => {
    agent.destroy();
    await server.end('SIGTERM');
    installation.remove();
  });

  it(
    'are answered, by a result or the client’s fault, and leave the server as it was',
    async () => {
      const admin = administratorOf(server, installation);
      const { user, serial, response } = await createHolder(admin, 'fuzzjane');
      const who = { CREDFLD_COMPONENT_TYPE: 'SOAP Auth Client', CREDFLD_USERID: user };
      const combined = { CREDFLD_PASSWORD_FORMAT: '0', CREDFLD_PASSWORD: response(0) };
      const separate = { CREDFLD_PASSWORD_FORMAT: '4', CREDFLD_DP_RESPONSE: response(1) };
      const corpus = [
        attributeCommand('aut:authUser', { ...who, ...combined }),
        attributeCommand('aut:authUser', { ...who, ...separate, CREDFLD_NEW_PIN: '9038' }),
        attributeCommand('aut:getChallenge', who),
        attributeCommand('adm:logon', { CREDFLD_USERID: user, ...combined }),
        attributeCommand('adm:sessionalive', { CREDFLD_SESSION_ID: 'x'.repeat(43) }),
        typedCommand('aut:syncTokenAndHost', {
          componentType: 'SOAP Auth Client',
          user: { userID: user, domain: 'master' },
          credential: {
            otp1: { response: response(5) },
            otp2: { response: response(6) },
            serialNumber: serial,
          },
        }),
      ].map((operation) => Buffer.from(envelopeOf(operation)));
      const draw = drawsFrom(20_261_125);
      const total = proofSize(1200, 100_000);
      const tally = { results: 0, faults: 0 };
      let settled = 0;
      let sent = 0;
      const drive = async (): Promise<void> => {
        while (sent < total) {
          sent += 1;
          const { status, text } = await post(
            server.url,
            (draw() < 0.5 ? mutated : reworded)(corpus[sent % corpus.length]!, draw),
          );
          expect(text).not.toContain('SOAP-ENV:Server');
          expect(text).not.toContain('    at ');
          if (status === 200) tally.results += 1;
          else if (text.includes('<SOAP-ENV:Fault>')) tally.faults += 1;
          else throw new Error(`status ${status}: ${text}`);
          // What grows at first are caches and the heap that the collector lets be.
          if (tally.results + tally.faults === Math.ceil(total / 2)) {
            settled = residentKibibytes(server);
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, drive));
      const grown = residentKibibytes(server) - settled;
      reportProof('soap', { envelopes: total, ...tally, settled, grown });
      expect(tally.results + tally.faults).toBe(total);
      expect(Math.min(tally.results, tally.faults)).toBeGreaterThan(total / 10);
      // Half of all envelopes later; in the short form there is nothing to be seen of it.
      expect(grown).toBeLessThan(proofSize(200_000, 40_000));
      expect(server.child.exitCode).toBeNull();
      expect(server.log()).not.toContain('unexpected error');
      await must(admin('GET', '/v1/policies'));
    },
    proofTimeoutMs * 2,
  );
});
