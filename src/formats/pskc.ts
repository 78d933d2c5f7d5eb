import {
  algorithmDigits,
  algorithmHash,
  algorithmInputs,
  algorithmTimeStepping,
  type ResponseAlgorithm,
  responseCharacters,
} from '../oath/index.ts';
import { type XmlNode, xmlNode, writeXmlStream } from '../xml.ts';
import {
  acceptedKeys,
  brokenKeyRefusal,
  counterRefusal,
  type KeyFileKey,
  type KeyFileKeys,
  type KeyFilePinPolicy,
  type KeyFileRefusal,
  timeOriginRefusal,
} from './key-file.ts';
import {
  challengeEncodings,
  pskcAlgorithms,
  pskcCounterMax,
  pskcHashSuites,
  pskcHotpDigitsMax,
  pskcIntMax,
  pskcNamespaces,
  pskcVersion,
} from './pskc-names.ts';
import {
  protectionRefusal,
  type PskcProtection,
  type SecretWriter,
  secretWriterOf,
} from './pskc-protection.ts';

/**
 * A key container (RFC 6030) in pieces of text, a key package per key: the schema allows one key in
 * a package, so that a device with several applications has several packages with the same
 * `DeviceInfo`. Only seeds are encrypted; counter, times and names are in the clear.
 *
 * @throws KeyFileError for the first key that `pskcRefusal` refuses, for none at all, and for a
 *   protection that does not fit: at the latest before the last piece
 */
export async function* writePskc(
  keys: KeyFileKeys,
  protection: PskcProtection,
): AsyncGenerator<string> {
  const secrets = secretWriterOf(protection);
  const root = {
    name: 'KeyContainer',
    attributes: [
      ['Version', pskcVersion],
      ['xmlns', pskcNamespaces.pskc],
      ['xmlns:ds', pskcNamespaces.ds],
      ['xmlns:xenc', pskcNamespaces.xenc],
    ],
  } as const;
  try {
    yield* writeXmlStream(root, containerNodes(keys, protection, secrets));
  } finally {
    secrets.wipe();
  }
}

/** Why PSKC cannot carry this key, or null. */
export function pskcRefusal(key: KeyFileKey, protection: PskcProtection): KeyFileRefusal | null {
  if (algorithmUri(key.algorithm) === null) {
    return { code: 'algorithm', message: 'PSKC has no name for the bare HMAC of such a key' };
  }
  return (
    brokenKeyRefusal(key) ??
    protectionRefusal(protection, key) ??
    timeOriginRefusal(key) ??
    digitsRefusal(key) ??
    checkDigitFormRefusal(key) ??
    counterRefusal(key, pskcCounterMax) ??
    timeDriftRefusal(key)
  );
}

function digitsRefusal({ algorithm }: KeyFileKey): KeyFileRefusal | null {
  if (algorithm.kind !== 'event' || algorithm.digits <= pskcHotpDigitsMax) return null;
  return { code: 'digits', message: `HOTP in PSKC has 6 to ${pskcHotpDigitsMax} digits` };
}

/** RFC 6030 section 4.3.4: check digits are for decimal values alone. */
function checkDigitFormRefusal(key: KeyFileKey): KeyFileRefusal | null {
  const { algorithm, challengeCheckDigit, responseCheckDigit } = key;
  const isChallengeFit =
    challengeCheckDigit !== true ||
    (algorithm.kind === 'challenge-response' && algorithm.suite.dataInput.question?.format === 'N');
  const isResponseFit = responseCheckDigit !== true || algorithmDigits(algorithm) !== 0;
  if (isChallengeFit && isResponseFit) return null;
  return {
    code: 'check-digit',
    message: 'only a decimal challenge and a decimal response have check digits',
  };
}

function timeDriftRefusal({ algorithm, timeDriftSteps = 0 }: KeyFileKey): KeyFileRefusal | null {
  const isFit = Math.abs(timeDriftSteps) <= pskcIntMax;
  if (isFit || !algorithmInputs(algorithm).timeStep) return null;
  return { code: 'time-drift', message: 'the clock is wrong by more than 2^31-1 time steps' };
}

async function* containerNodes(
  keys: KeyFileKeys,
  protection: PskcProtection,
  secrets: SecretWriter,
): AsyncGenerator<XmlNode> {
  yield* secrets.head;
  for await (const key of acceptedKeys(keys, (one) => pskcRefusal(one, protection))) {
    yield packageNode(key, secrets);
  }
}

function packageNode(key: KeyFileKey, secrets: SecretWriter): XmlNode {
  const { device } = key;
  const uri = algorithmUri(key.algorithm);
  if (uri === null) throw new TypeError('such a key is refused before');
  return xmlNode('KeyPackage', {}, [
    xmlNode('DeviceInfo', {}, [
      ...textNode('Manufacturer', device.manufacturer),
      ...textNode('SerialNo', device.serial),
      ...textNode('Model', device.model),
    ]),
    xmlNode('Key', { Id: key.id, Algorithm: uri }, [
      ...textNode('Issuer', key.issuer),
      xmlNode('AlgorithmParameters', {}, parameterNodes(key)),
      ...textNode('FriendlyName', key.applicationName),
      xmlNode('Data', {}, dataNodes(key, secrets)),
      ...textNode('UserId', key.userId),
      xmlNode('Policy', {}, [
        ...(key.pinPolicy === undefined ? [] : [pinPolicyNode(key.pinPolicy)]),
        ...key.usages.map((usage) => xmlNode('KeyUsage', {}, usage)),
      ]),
    ]),
  ]);
}

/** Null for what RFC 6030 and its registry have no name for. */
function algorithmUri({ kind }: ResponseAlgorithm): string | null {
  switch (kind) {
    case 'event':
      return pskcAlgorithms.hotp;
    case 'time':
      return pskcAlgorithms.totp;
    case 'time-event':
    case 'challenge-response':
      return pskcAlgorithms.ocra;
    case 'hmac-challenge':
      return null;
  }
}

function parameterNodes(key: KeyFileKey): readonly XmlNode[] {
  const { algorithm, responseCheckDigit } = key;
  const response = {
    Encoding: algorithmDigits(algorithm) === 0 ? 'HEXADECIMAL' : 'DECIMAL',
    Length: String(responseCharacters(algorithm)),
    ...(responseCheckDigit === true ? { CheckDigits: 'true' } : {}),
  };
  return [
    ...textNode('Suite', suiteOf(algorithm)),
    ...challengeNodes(key),
    xmlNode('ResponseFormat', response),
    ...(algorithm.kind === 'time-event' ? [fixedQuestionNode(algorithm.question)] : []),
  ];
}

/** Of SHA-1 nothing is said: it is the default, and there are readers that know no suite. */
function suiteOf(algorithm: ResponseAlgorithm): string | undefined {
  if ('suite' in algorithm) return algorithm.suite.text;
  const hash = algorithmHash(algorithm);
  return hash === 'SHA1' ? undefined : pskcHashSuites[hash];
}

/** None for a fixed question: nobody types it. */
function challengeNodes({ algorithm, challengeCheckDigit }: KeyFileKey): readonly XmlNode[] {
  if (algorithm.kind !== 'challenge-response') return [];
  const { question } = algorithm.suite.dataInput;
  if (question === undefined) return [];
  return [
    xmlNode('ChallengeFormat', {
      Encoding: challengeEncodings[question.format],
      Min: '1',
      Max: String(question.maxLength),
      ...(challengeCheckDigit === true ? { CheckDigits: 'true' } : {}),
    }),
  ];
}

function fixedQuestionNode(question: string): XmlNode {
  return xmlNode('Extensions', {}, [
    xmlNode('t:FixedQuestion', { 'xmlns:t': pskcNamespaces.tallystick }, question),
  ]);
}

/** `Time` is 0 as in other makers' files: steps are counted from 1970. */
function dataNodes(key: KeyFileKey, secrets: SecretWriter): readonly XmlNode[] {
  const { algorithm, eventCounter, timeDriftSteps } = key;
  const stepping = algorithmTimeStepping(algorithm);
  const numbers: (readonly [string, bigint | number | undefined])[] = [
    ['Counter', algorithmInputs(algorithm).eventCounter ? eventCounter : undefined],
    ['Time', stepping && 0],
    ['TimeInterval', stepping?.timeStepSeconds],
    ['TimeDrift', stepping && timeDriftSteps],
  ];
  return [
    xmlNode('Secret', {}, secrets.write(key.secret)),
    ...numbers.flatMap(([name, value]) =>
      value === undefined ? [] : [xmlNode(name, {}, [xmlNode('PlainValue', {}, String(value))])],
    ),
  ];
}

function pinPolicyNode(policy: KeyFilePinPolicy): XmlNode {
  const { usageMode, maxFailedAttempts, minLength, maxLength, encoding, pinKeyId } = policy;
  const attributes = {
    PINKeyId: pinKeyId,
    PINUsageMode: usageMode,
    MaxFailedAttempts: maxFailedAttempts,
    MinLength: minLength,
    MaxLength: maxLength,
    PINEncoding: encoding,
  };
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return xmlNode(
    'PINPolicy',
    Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
  );
}

function textNode(name: string, text: string | undefined): readonly XmlNode[] {
  return text === undefined ? [] : [xmlNode(name, {}, text)];
}
