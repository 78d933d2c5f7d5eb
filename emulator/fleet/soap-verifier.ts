import { parseXml, type XmlElement, type XmlNode, writeXml, xmlNode } from '../../src/xml.ts';
import { EmulatorError } from '../errors.ts';
import type { DriveServer, Owner, Submitted, Verifier } from './drive-server.ts';
import type { Exchange } from './exchange.ts';
import type { Outcome } from './oracle/index.ts';
import { quoted, serverWord } from './server-words.ts';

const envelopeNamespace = 'http://schemas.xmlsoap.org/soap/envelope/';
const schemaInstance = 'http://www.w3.org/2001/XMLSchema-instance';
const authentication = 'http://www.vasco.com/IdentikeyServer/IdentikeyTypes/Authentication';

/** What docs/soap.md says of each end; where it has one status for several, they look alike here. */
const words: Readonly<Record<Outcome, string>> = {
  accepted: 'STAT_SUCCESS',
  synchronised: 'STAT_SUCCESS',
  'response-incorrect': 'STAT_OTP_INCORRECT',
  'response-malformed': 'STAT_OTP_INCORRECT',
  'response-replayed': 'STAT_OTP_ALREADY_USED',
  'sync-incorrect': 'STAT_OTP_INCORRECT',
  'sync-ambiguous': 'STAT_OTP_INCORRECT',
  'sync-replayed': 'STAT_OTP_ALREADY_USED',
  'sync-backwards': 'STAT_DPERROR',
  'challenge-required': 'STAT_DPERROR',
  'challenge-not-permitted': 'STAT_LOCALAUTH',
  'user-locked': 'STAT_LOCKED',
  'application-locked': 'STAT_DPERROR',
};

/** Statuses by which a server says that it cannot decide now. */
const technical: ReadonlySet<string> = new Set(['STAT_COMMS', 'STAT_ERROR']);

/** Format 4: everything in a part of its own. */
const inParts = '4';

const limits = {
  bytesMax: 2 ** 20,
  depthMax: 16,
  elementsMax: 500,
  attributesMax: 32,
  textCharactersMax: 8192,
};

/**
 * The same server, asked by its SOAP interface where that has words: attempts and synchronisations, as
 * programs written for OneSpan Authentication Server make them.
 *
 * @param componentType of a component that lets programs in by their address
 */
export function withSoap(
  server: DriveServer,
  exchange: Exchange,
  componentType: string,
): DriveServer {
  return {
    setTime: (nowMs) => server.setTime(nowMs),
    prepare: (rules) => server.prepare(rules),
    enrol: (token) => server.enrol(token),
    find: (token) => server.find(token),
    reseed: (token, owner) => server.reseed(token, owner),
    unlock: (owner) => server.unlock(owner),
    returned: () => {
      exchange.hangUp();
      return server.returned();
    },
    ...soapVerifier(exchange, componentType),
  };
}

function soapVerifier(exchange: Exchange, componentType: string): Verifier {
  return {
    authenticate: ({ user, domain }, submitted) =>
      call(
        exchange,
        { operation: 'authUser', secrets: secretsOf(submitted) },
        ['authUserResults', 'results', 'resultCodes'],
        [
          xmlNode(
            'credentialAttributeSet',
            {},
            attributesOf({
              CREDFLD_COMPONENT_TYPE: componentType,
              CREDFLD_USERID: user,
              CREDFLD_DOMAIN: domain,
              CREDFLD_PASSWORD_FORMAT: inParts,
              CREDFLD_DP_RESPONSE: submitted.response,
              CREDFLD_CHALLENGE: submitted.challenge,
            }),
          ),
        ],
      ),
    synchronise: (owner, first, second) =>
      call(
        exchange,
        { operation: 'syncTokenAndHost', secrets: secretsOf(first, second) },
        ['status', 'resultCodes'],
        [
          xmlNode('componentType', {}, componentType),
          xmlNode('user', {}, userOf(owner)),
          xmlNode('credential', {}, [
            xmlNode('otp1', {}, responseOf(first)),
            xmlNode('otp2', {}, responseOf(second)),
          ]),
        ],
      ),
    wordFor: (outcome) => words[outcome],
  };
}

function attributesOf(values: Readonly<Record<string, string | null>>): readonly XmlNode[] {
  return Object.entries(values).flatMap(([id, value]) => {
    if (value === null) return [];
    const parts = [xmlNode('value', { 'xsi:type': 'xsd:string' }, value)];
    return [xmlNode('attributes', {}, [...parts, xmlNode('attributeID', {}, id)])];
  });
}

function userOf({ user, domain }: Owner): readonly XmlNode[] {
  return [xmlNode('userID', {}, user), ...optional('domain', domain)];
}

function responseOf({ response, challenge }: Submitted): readonly XmlNode[] {
  return [xmlNode('response', {}, response), ...optional('challenge', challenge)];
}

function optional(name: string, text: string | null): readonly XmlNode[] {
  return text === null ? [] : [xmlNode(name, {}, text)];
}

/** An operation that was asked for, and what of it must not come back in a message. */
interface Asked {
  readonly operation: string;
  readonly secrets: readonly string[];
}

function secretsOf(...submitted: readonly Submitted[]): readonly string[] {
  return submitted.flatMap(({ response, challenge }) => [response, challenge ?? '']);
}

/** @returns the status alone where both codes and their numbers agree, else all of them */
async function call(
  exchange: Exchange,
  asked: Asked,
  pathToCodes: readonly string[],
  content: readonly XmlNode[],
): Promise<string> {
  const { status: httpStatus, body } = await exchange.ask({
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'text/xml; charset=utf-8' },
    body: envelopeOf(xmlNode(`aut:${asked.operation}`, {}, content)),
  });
  // HTTP's own refusals; a fault has 500.
  if (httpStatus !== 200 && httpStatus !== 500) throw refusal(asked, `HTTP status ${httpStatus}`);
  const answer = answerIn(asked, body);
  const codes = descend(answer, pathToCodes);
  const [returned, status, returnNumber, statusNumber] = [
    'returnCodeEnum',
    'statusCodeEnum',
    'returnCode',
    'statusCode',
  ].map((name) => codes && descend(codes, [name])?.text);
  if (returned === undefined || status === undefined) throw refusal(asked, 'no result codes');
  if (technical.has(status)) throw refusal(asked, status);
  const isSuccess = status === 'STAT_SUCCESS';
  const agree = isSuccess
    ? returned === 'RET_SUCCESS' && returnNumber === '0' && statusNumber === '0'
    : returned === 'RET_FAILURE' && returnNumber === '-1' && statusNumber !== '0';
  if (agree) return serverWord(status);
  return [returned, status, returnNumber, statusNumber].map(serverWord).join(' ');
}

function envelopeOf(operation: XmlNode): string {
  const declared = {
    'xmlns:soapenv': envelopeNamespace,
    'xmlns:xsi': schemaInstance,
    'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema',
    'xmlns:aut': authentication,
  };
  return writeXml(
    xmlNode('soapenv:Envelope', declared, [xmlNode('soapenv:Body', {}, [operation])]),
  );
}

/** The response of the operation, out of its envelope. */
function answerIn(asked: Asked, bytes: Buffer): XmlElement {
  const envelope = parsed(asked, bytes);
  const body = envelope.children.find((one) => isNamed(one, envelopeNamespace, 'Body'));
  const [answer] = body?.children ?? [];
  if (!isNamed(envelope, envelopeNamespace, 'Envelope') || answer === undefined) {
    throw refusal(asked, 'XML that is no SOAP 1.1');
  }
  if (isNamed(answer, envelopeNamespace, 'Fault')) {
    throw refusal(asked, `a fault: ${descend(answer, ['faultstring'])?.text ?? ''}`);
  }
  const expected = `${asked.operation}Response`;
  if (isNamed(answer, authentication, expected)) return answer;
  const instead =
    answer.local === expected
      ? `of namespace "${answer.namespace}", not "${authentication}"`
      : `in place of ${expected}`;
  throw refusal(asked, `${answer.local} ${instead}`);
}

function parsed(asked: Asked, bytes: Buffer): XmlElement {
  try {
    return parseXml(bytes, limits);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown';
    throw refusal(asked, `what is no XML for us: ${why}`);
  }
}

function isNamed(element: XmlElement, namespace: string, local: string): boolean {
  return element.namespace === namespace && element.local === local;
}

/** By local elements, as all but the operation's own are. */
function descend(from: XmlElement, path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>(
    (element, local) => element?.children.find((one) => isNamed(one, '', local)),
    from,
  );
}

function refusal({ operation, secrets }: Asked, what: string): EmulatorError {
  const answered = quoted(what, secrets);
  return new EmulatorError('refused', `the server answers SOAP ${operation} with ${answered}`);
}
