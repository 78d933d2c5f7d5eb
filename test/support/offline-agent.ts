import {
  createECDH,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto';
import { framed } from '../../src/offline/bytes.ts';
import { blocksOf, blockRange } from '../../src/offline/header.ts';
import { tagKey } from '../../src/offline/keys.ts';
import {
  appendRecord,
  emptyLog,
  type LogHead,
  type LogLine,
  type LogRecord,
} from '../../src/offline/log.ts';
import { entryTag, type OpenedPackage, openPackage, tagBytes } from '../../src/offline/package.ts';
import { proofMessage } from '../../src/offline/proof.ts';
import {
  type Acknowledgement,
  type HeldPackage,
  readAcknowledgement,
  writeReport,
} from '../../src/offline/report.ts';
import { type Agree, openSealed } from '../../src/offline/seal.ts';
import type { AgentProof } from '../../src/service/api.ts';

const bootId = randomUUID();

/** A workstation as the protocol sees one: its key, and a log that it writes. It verifies nobody. */
export class TestAgent {
  readonly spki: Buffer;
  readonly agree: Agree;
  readonly #privateKey: KeyObject;
  id = '';
  serverKey: Buffer = Buffer.alloc(0);
  log: LogHead = emptyLog(Buffer.alloc(32));
  /** Where the chain stood that the server has acknowledged. */
  acknowledged: { n: number; head: Buffer } = { n: 0, head: Buffer.alloc(32) };
  lines: LogLine[] = [];
  held: HeldPackage[] = [];

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.spki = publicKey.export({ format: 'der', type: 'spki' });
    this.#privateKey = createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const { d = '' } = privateKey.export({ format: 'jwk' });
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(Buffer.from(d, 'base64url'));
    this.agree = (point) => ecdh.computeSecret(point);
  }

  /** The proof of one request. */
  prove(nonce: string, path: string, body: Uint8Array = Buffer.from('{}')): AgentProof {
    const request = { agentId: this.id, method: 'POST', path, nonce, body };
    const signature = sign('sha256', proofMessage(request), {
      key: this.#privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    const agentId = this.id === '' ? null : this.id;
    return { agentId, nonce, signature, method: 'POST', path, body };
  }

  /** Takes over what enrolment gave. */
  async enrolled(given: {
    readonly agentId: string;
    readonly signingKey: Uint8Array;
    readonly sealedLogKey: Uint8Array;
  }): Promise<void> {
    this.id = given.agentId;
    this.serverKey = Buffer.from(given.signingKey);
    const context = framed('ovp1/log', this.id);
    this.log = emptyLog(await openSealed(this.spki, this.agree, context, given.sealedLogKey));
  }

  open(bytes: Uint8Array): Promise<OpenedPackage> {
    const { serverKey, id: agentId, spki: agentKey, agree } = this;
    return openPackage(bytes, { serverKey, agentId, agentKey, agree });
  }

  /** Writes a line of the log. */
  note(
    kind: LogRecord['kind'],
    about: {
      packageId?: string;
      index?: bigint;
      codeId?: string;
      atMs: number;
      bootMs?: number;
      bootId?: string;
    },
  ): void {
    const { line, log } = appendRecord(this.log, {
      kind,
      packageId: about.packageId ?? null,
      index: about.index ?? null,
      codeId: about.codeId ?? null,
      atMs: about.atMs,
      bootMs: about.bootMs ?? about.atMs,
      bootId: about.bootId ?? bootId,
    });
    this.log = log;
    this.lines.push(line);
  }

  /** An acceptance, with the attempt that was noted before it. */
  use(packageId: string, index: bigint, atMs: number, bootMs: number = atMs): void {
    this.note('attempted', { packageId, atMs, bootMs });
    this.note('accepted', { packageId, index, atMs, bootMs });
  }

  /** A logon by an emergency code. */
  useCode(packageId: string, codeId: string, atMs: number): void {
    this.note('attempted', { packageId, atMs });
    this.note('emergency-accepted', { packageId, codeId, atMs });
  }

  /** A report of all that is not acknowledged. */
  report(nowMs: number, reportId: string = randomUUID(), clockMs: number = nowMs): Buffer {
    return writeReport({
      reportId,
      agentId: this.id,
      from: this.acknowledged.n + 1,
      headBefore: this.acknowledged.head.toString('hex'),
      lines: this.lines,
      packages: this.held,
      clockMs,
      bootMs: nowMs,
      bootId,
    });
  }

  /** What the server said, once its signature was looked at; the log begins anew behind it. */
  acknowledge(
    answer: { readonly payload: Uint8Array; readonly signature: Uint8Array },
    reportId: string,
  ): Acknowledgement {
    const read = readAcknowledgement(
      { payload: Buffer.from(answer.payload), signature: Buffer.from(answer.signature) },
      this.serverKey,
      { agentId: this.id, reportId },
    );
    if (read.agentState === 'active') {
      this.acknowledged = { n: read.through, head: Buffer.from(read.head, 'hex') };
      this.lines = [];
    }
    return read;
  }

  /** Another machine with a copy of everything. */
  clone(): TestAgent {
    const copy = Object.assign(Object.create(TestAgent.prototype as object) as TestAgent, this);
    copy.lines = [...this.lines];
    copy.held = [...this.held];
    copy.prove = (nonce, path, body) => this.prove(nonce, path, body);
    return copy;
  }
}

/** Whether a response is the one of an index, by the tags that the package has in full. */
export function fits(opened: OpenedPackage, index: bigint, response: string): boolean {
  const { header, packageKey, tags } = opened;
  const key = tagKey(packageKey, blocksOf(header)(index));
  const at = Number(index - header.first) * tagBytes;
  return entryTag(key, header.packageId, index, response).equals(tags.subarray(at, at + tagBytes));
}

/** The challenge that the package has for an index. */
export function challengeAt({ header, challenges }: OpenedPackage, index: bigint): string {
  return challenges[blocksOf(header)(index) - blockRange(header).first] ?? '';
}
