import {
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
} from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  parseAlgorithmText,
  parseEventCounter,
  parseTimeStep,
  readResponse,
  responseMessage,
  type ResponseInputs,
} from '../../../src/oath/index.ts';
import { framed } from '../../../src/offline/bytes.ts';
import { blocksOf, type EmergencyTerms, type PackageHeader } from '../../../src/offline/header.ts';
import { fingerprintOf } from '../../../src/offline/keys.ts';
import { emptyLog, type LogHead, type LogRecord, readRecord } from '../../../src/offline/log.ts';
import { buildPackage } from '../../../src/offline/package.ts';
import { isProven } from '../../../src/offline/proof.ts';
import {
  acknowledgementMessage,
  readReport,
  writeAcknowledgement,
} from '../../../src/offline/report.ts';
import { sealTo } from '../../../src/offline/seal.ts';

/** One user with one device. */
export interface ServedUser {
  readonly user: string;
  readonly pin: string;
  /** What is right at the server; else what the time-based device shows. */
  readonly online?: string;
  readonly serial: string;
  /** Changes the package that this user gets. */
  readonly header?: Partial<PackageHeader>;
  readonly emergencyCodes?: readonly string[];
  readonly challenges?: readonly string[];
}

interface ServedAgent {
  readonly agentId: string;
  readonly spki: Buffer;
  readonly keyMode: 'hw' | 'ram' | 'sw';
  log: LogHead;
  isRevoked: boolean;
}

/** A problem that is answered to every request of a path, in place of what it does. */
export interface Fault {
  readonly status: number;
  readonly body: object;
}

const seed = Buffer.from('12345678901234567890');
const dayMs = 86_400_000;

/** Answers as the server does, as far as an agent can tell, and keeps what it was told. */
export class ScriptedServer {
  readonly users: Map<string, ServedUser> = new Map();
  readonly agents: Map<string, ServedAgent> = new Map();
  /** Of all packages: those that still stand. */
  readonly standing: Map<string, { readonly agentId: string; readonly serial: string }> = new Map();
  readonly records: LogRecord[] = [];
  readonly requests: string[] = [];
  readonly bodies: Buffer[] = [];
  /** By path. */
  readonly faults: Map<string, Fault> = new Map();
  /** Paths whose requests are served, and whose answers never arrive. */
  readonly lost: Set<string> = new Set();
  readonly packages: Buffer[] = [];
  offer: object | null = null;
  /** Takes the next packages' sequence; falls back to a rising one. */
  sequence = 0;
  staleNonces = 0;
  nowMs: () => number = () => Date.now();
  readonly #pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } =
    generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #handles = new Map<string, { agentId: string; user: ServedUser }>();
  readonly #secret = randomBytes(32);
  #server: Server | null = null;
  #port = 0;

  get spki(): Buffer {
    return this.#pair.publicKey.export({ format: 'der', type: 'spki' });
  }

  get fingerprint(): string {
    return fingerprintOf(this.spki);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(tls?: { readonly cert: string; readonly key: string }): Promise<void> {
    const listener: RequestListener = (request, response) => {
      void this.#answer(request).then(({ status, body }) => {
        if (this.lost.has(request.url ?? '')) {
          response.destroy();
          return;
        }
        response.writeHead(status);
        response.end(Buffer.isBuffer(body) ? body : JSON.stringify(body));
      });
    };
    const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  /** The port stays its own: `start` listens there again. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** What the device of a user shows. */
  response(algorithm: string, index: bigint, challenge?: string): string {
    const parsed = parseAlgorithmText(algorithm);
    return readResponse(parsed, this.#mac(parsed, inputsOf(algorithm, index, challenge)));
  }

  #mac(parsed: ReturnType<typeof parseAlgorithmText>, inputs: ResponseInputs): Buffer {
    const hash = 'suite' in parsed ? parsed.suite.hash : parsed.hash;
    return createHmac(hash, seed).update(responseMessage(parsed, inputs)).digest();
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const path = request.url ?? '';
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (path !== '/v1/offline/nonces') {
      this.requests.push(path);
      this.bodies.push(body);
    }
    const fault = this.faults.get(path);
    if (fault !== undefined) return fault;
    if (path === '/v1/offline/nonces') return { status: 201, body: { nonce: randomUUID() } };
    if (this.staleNonces > 0) {
      this.staleNonces -= 1;
      return { status: 401, body: { code: 'unauthenticated', reason: 'agent-nonce' } };
    }
    return this.#answerProven(request, path, body);
  }

  #answerProven(
    { headers }: IncomingMessage,
    path: string,
    body: Buffer,
  ): { status: number; body: object } {
    const agent = this.agents.get(String(headers['tallystick-agent']));
    const about = path === '/v1/offline/agents' ? (JSON.parse(String(body)) as object) : null;
    const spki = about === null ? agent?.spki : Buffer.from(textOf(about, 'publicKey'), 'base64');
    const nonce = String(headers['tallystick-nonce']);
    const proof = Buffer.from(String(headers['tallystick-proof']), 'base64url');
    const asked = { agentId: agent?.agentId ?? '', method: 'POST', path, nonce, body };
    if (spki === undefined || !isProven(spki, asked, proof)) {
      return { status: 401, body: { code: 'unauthenticated', reason: 'agent-proof' } };
    }
    if (about !== null) return this.#enrol(about);
    if (agent === undefined || agent.isRevoked) {
      return { status: 403, body: { code: 'forbidden', reason: 'agent-revoked' } };
    }
    return this.#serve(path, agent, body);
  }

  #serve(path: string, agent: ServedAgent, body: Buffer): { status: number; body: object } {
    switch (path) {
      case '/v1/offline/logon':
        return this.#logon(agent, JSON.parse(String(body)) as object);
      case '/v1/offline/packages':
        return this.#package(JSON.parse(String(body)) as object);
      case '/v1/offline/reports':
        return this.#report(agent, body);
      case '/v1/offline/shares': {
        const share = createHmac('sha256', this.#secret).update(`share ${agent.agentId}`).digest();
        const sealed = sealTo(agent.spki, framed('ovp1/share', agent.agentId), share);
        return { status: 200, body: { share: sealed.toString('base64') } };
      }
      default:
        return { status: 404, body: { code: 'not-found' } };
    }
  }

  #enrol(about: object): { status: number; body: object } {
    const spki = Buffer.from(textOf(about, 'publicKey'), 'base64');
    const before = [...this.agents.values()].find((each) => each.spki.equals(spki));
    if (before?.isRevoked === true) {
      return { status: 403, body: { code: 'forbidden', reason: 'agent-revoked' } };
    }
    const agentId = before?.agentId ?? randomUUID();
    const logKey = createHmac('sha256', this.#secret).update(`log ${agentId}`).digest();
    const keyMode = textOf(about, 'keyMode') as ServedAgent['keyMode'];
    this.agents.set(agentId, { agentId, spki, keyMode, log: emptyLog(logKey), isRevoked: false });
    const sealedLogKey = sealTo(spki, framed('ovp1/log', agentId), logKey).toString('base64');
    const signingKey = this.spki.toString('base64');
    return {
      status: 201,
      body: { agentId, signingKey, sealedLogKey, serverTimeMs: this.nowMs() },
    };
  }

  #logon({ agentId }: ServedAgent, attempt: object): { status: number; body: object } {
    const user = this.users.get(textOf(attempt, 'user'));
    const typed = textOf(attempt, 'password');
    if (user === undefined || !this.#isRight(user, typed)) {
      const detail = 'The user could not be verified.';
      return { status: 403, body: { code: 'refused', detail } };
    }
    const handle = randomUUID();
    this.#handles.set(handle, { agentId, user });
    const offline = this.offer ?? { status: 'available', handle, expiresAtMs: 0 };
    const body = { outcome: 'accepted', ...this.personOf(user), pinChanged: false, offline };
    return { status: 200, body };
  }

  /** Whom an answer names: as a package of this user would. */
  personOf({ user, header }: ServedUser): { readonly user: string; readonly domain: string } {
    return { user: header?.userName ?? user, domain: header?.domainName ?? 'master' };
  }

  #isRight(user: ServedUser, typed: string): boolean {
    const step = BigInt(Math.floor(this.nowMs() / 30_000));
    return typed === `${user.pin}${user.online ?? this.response('TOTP-SHA1-8-30S', step)}`;
  }

  #package(asked: object): { status: number; body: object } {
    const held = this.#handles.get(textOf(asked, 'handle'));
    if (held === undefined) return { status: 404, body: { code: 'not-found' } };
    this.sequence += 1;
    const bytes = this.packageFor(held.agentId, held.user);
    this.packages.push(bytes);
    return { status: 200, body: bytes };
  }

  headerFor(agentId: string, user: ServedUser): PackageHeader {
    const agent = this.agents.get(agentId)!;
    const step = BigInt(Math.floor(this.nowMs() / 30_000));
    const first = step - 2n;
    return {
      v: 1,
      kid: this.fingerprint,
      packageId: randomUUID(),
      agentId,
      agentKeyId: fingerprintOf(agent.spki),
      userId: randomUUID(),
      userName: user.user,
      domainName: 'master',
      serial: user.serial,
      applicationName: 'APP',
      algorithm: 'TOTP-SHA1-8-30S',
      kind: 'time',
      first,
      count: 2 + 3 * 2880,
      driftSeconds: 0,
      windowBackSteps: 1,
      windowForwardSteps: 1,
      lookAhead: 10,
      eventMode: null,
      sequence: this.sequence,
      issuedAtMs: this.nowMs(),
      notBeforeMs: this.nowMs() - 60_000,
      notAfterMs: this.nowMs() + 3 * dayMs,
      eventsMax: 30,
      failuresMax: 3,
      warnDays: 1,
      warnEvents: 2,
      clockBackMaxSeconds: 300,
      keyMode: agent.keyMode,
      tagBits: agent.keyMode === 'sw' ? 18 : 64,
      pinMode: 'server',
      kdf: { algorithm: 'scrypt', n: 1024, r: 8, p: 1, salt: randomBytes(16) },
      policyHash: '00'.repeat(32),
      emergency: [],
      ...user.header,
    };
  }

  packageFor(agentId: string, user: ServedUser, changed: Partial<PackageHeader> = {}): Buffer {
    const header = { ...this.headerFor(agentId, user), ...changed };
    const { challenges = [], emergencyCodes = [] } = user;
    const builder = buildPackage(
      header,
      { challenges, emergencyCodes },
      randomBytes(32),
      this.agents.get(agentId)!.spki,
    );
    const blockOf = blocksOf(header);
    for (let at = 0; at < header.count; at += 1) {
      const index = header.first + BigInt(at);
      const challenge = challenges[blockOf(index) - blockOf(header.first)];
      builder.add(this.response(header.algorithm, index, challenge));
    }
    this.standing.set(header.packageId, { agentId, serial: user.serial });
    return builder.finish(this.#sign(builder.toSign()));
  }

  #sign(message: Uint8Array): Buffer {
    return sign('sha256', message, { key: this.#pair.privateKey, dsaEncoding: 'ieee-p1363' });
  }

  #report(agent: ServedAgent, bytes: Buffer): { status: number; body: object } {
    const report = readReport(bytes);
    const isNext =
      report.from === agent.log.n + 1 && report.headBefore === agent.log.head.toString('hex');
    if (!isNext) agent.isRevoked = true;
    for (const line of isNext ? report.lines : []) {
      const read = readRecord(agent.log, line);
      if (read === null) throw new Error('a line is not the next one of the chain');
      this.records.push(read.record);
      agent.log = read.log;
    }
    const packageIds = [...this.standing]
      .filter(([, { agentId }]) => agentId === agent.agentId)
      .map(([packageId]) => packageId);
    const payload = writeAcknowledgement({
      kid: this.fingerprint,
      agentId: agent.agentId,
      reportId: report.reportId,
      agentState: agent.isRevoked ? 'revoked' : 'active',
      through: agent.log.n,
      head: agent.log.head.toString('hex'),
      serverTimeMs: this.nowMs(),
      packageIds,
    });
    const signature = this.#sign(acknowledgementMessage(payload));
    return {
      status: 200,
      body: {
        payload: payload.toString('base64url'),
        signature: signature.toString('base64url'),
      },
    };
  }
}

function inputsOf(algorithm: string, index: bigint, question: string | undefined): ResponseInputs {
  const parsed = parseAlgorithmText(algorithm);
  if (parsed.kind === 'time') return { timeStep: parseTimeStep(index) };
  if (parsed.kind === 'event') return { eventCounter: parseEventCounter(index) };
  return { question: question ?? '' };
}

function textOf(body: object, name: string): string {
  return String((body as Readonly<Record<string, unknown>>)[name]);
}

/** Terms of an emergency code in tests. */
export function emergencyTerms(
  kind: EmergencyTerms['kind'],
  notAfterMs: number,
  usesMax = 2,
): EmergencyTerms {
  const isPinRequired = kind === 'tokencode';
  return { codeId: randomUUID(), kind, isPinRequired, notAfterMs, usesMax };
}
