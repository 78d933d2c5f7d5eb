import { createPublicKey, type KeyObject } from 'node:crypto';
import { algorithmToJson } from '../../oath/index.ts';
import { TallystickError } from '../../errors.ts';
import type { PairBundle } from '../api.ts';
import { sha256Hex } from '../identifiers.ts';
import { fromModule } from '../module-calls.ts';
import { createProblemList, invalidMember } from '../problems.ts';
import type { Desk } from './desk.ts';
import { type AuthenticatorInput, insertAuthenticator, planAuthenticator } from './new-seeds.ts';

const requestFormat = 'tallystick-pair-request';
const requestMembers = ['format', 'version', 'serial', 'model', 'publicKey', 'applications'];
const applicationMembers = ['name', 'mode', 'algorithm'];
const modulusBitsMin = 3072;
const modulusBitsMax = 8192;
const publicExponentMin = 65_537n;
const publicKeyTextMax = 4096;
/** One more than an authenticator may have: enough to be refused, not enough to be a burden. */
const applicationsRead = 9;

type Members = Readonly<Record<string, unknown>>;

interface PairRequest {
  readonly input: AuthenticatorInput;
  /** SubjectPublicKeyInfo DER. */
  readonly publicKey: Uint8Array;
}

/**
 * Creates a virtual authenticator from a device's pair request: each seed is made in the module,
 * wrapped once for the device's RSA key, and kept non-extractable. What is returned is stored
 * nowhere, so a lost bundle means pairing again.
 *
 * @throws TallystickError `policy-refused` when the policy forbids virtual authenticators,
 *   `request-invalid` naming every member that is wrong, `conflict` for a serial in use
 */
export async function pairAuthenticator(desk: Desk, pairRequest: unknown): Promise<PairBundle> {
  if (desk.standing.policy.virtualAuthenticators === 'forbidden') {
    throw new TallystickError('policy-refused', 'The policy forbids virtual authenticators.', {
      fields: { policy: desk.standing.policyName },
    });
  }
  const { input, publicKey } = parsePairRequest(pairRequest);
  const plan = planAuthenticator(desk, input);
  const publicKeySha256 = sha256Hex(publicKey);
  const { module, background } = desk.context;
  const seeds = await insertAuthenticator(
    desk,
    plan,
    { name: 'authenticator.pair', origin: plan.applications.map(() => 'paired' as const) },
    ({ seedSpec }) => fromModule(module.generatePairedSeed(seedSpec, publicKey, background)),
    { publicKeySha256 },
  );
  return {
    format: 'tallystick-pair-bundle',
    version: 1,
    serial: plan.serial,
    publicKeySha256,
    issuedAtMs: desk.nowMs,
    applications: seeds.map(({ envelope, seedBytes, keyCheckValue }, index) => {
      const application = plan.applications[index];
      if (application === undefined) throw new RangeError('an application for each seed');
      const { name, mode, algorithm, eventCounter } = application;
      return {
        name,
        mode,
        algorithm: algorithmToJson(algorithm),
        envelope: Buffer.from(envelope).toString('base64'),
        seedBytes,
        eventCounter: String(eventCounter),
        keyCheckValue,
      };
    }),
  };
}

function parsePairRequest(value: unknown): PairRequest {
  const members = membersOf('request', value);
  const problems = createProblemList();
  refuseOtherMembers('request', members, requestMembers, problems.add);
  if (members['format'] !== requestFormat) problems.add('format', `must be ${requestFormat}`);
  if (members['version'] !== 1) problems.add('version', 'must be 1');
  const publicKey = problems.parse('publicKey', () => parsePublicKey(members['publicKey']));
  const list = members['applications'];
  if (!Array.isArray(list)) problems.add('applications', 'must be a list');
  problems.throwIfAny();
  const applications = (list as readonly unknown[])
    .slice(0, applicationsRead)
    .map((each, index) => {
      const at = `applications[${index}]`;
      const application = membersOf(at, each);
      refuseOtherMembers(at, application, applicationMembers, problems.add);
      const { name, mode, algorithm } = application;
      return { name, mode, algorithm, eventCounter: 0n };
    });
  problems.throwIfAny();
  if (publicKey === undefined) throw new RangeError('every member was parsed');
  const { serial, model } = members;
  return { input: { serial, model, expiresAtMs: null, isVirtual: true, applications }, publicKey };
}

/** SubjectPublicKeyInfo of an RSA key that is neither weak nor absurd, as strict base64. */
function parsePublicKey(value: unknown): Uint8Array {
  const der = strictBase64(value);
  if (der !== null && isSoundKey(der)) return new Uint8Array(der);
  throw invalidMember(
    'publicKey',
    `must be base64 of the SubjectPublicKeyInfo of an RSA key of ${modulusBitsMin} to ${modulusBitsMax} bits with an exponent of at least ${publicExponentMin}`,
  );
}

function strictBase64(value: unknown): Buffer | null {
  if (typeof value !== 'string' || value.length > publicKeyTextMax) return null;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? bytes : null;
}

function isSoundKey(der: Buffer): boolean {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return false;
  }
  // What surrounds the key would be covered by its digest but not by the key.
  if (key.asymmetricKeyType !== 'rsa' || !exported(key).equals(der)) return false;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const isLengthSound = modulusLength >= modulusBitsMin && modulusLength <= modulusBitsMax;
  return isLengthSound && publicExponent >= publicExponentMin;
}

function exported(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

function membersOf(member: string, value: unknown): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw invalidMember(member, 'must be an object');
}

function refuseOtherMembers(
  at: string,
  members: Members,
  known: readonly string[],
  add: (member: string, message: string) => void,
): void {
  for (const name of Object.keys(members)) {
    if (!known.includes(name)) {
      add(`${at}.${name.slice(0, 32)}`, `is unknown; the members are ${known.join(', ')}`);
    }
  }
}
