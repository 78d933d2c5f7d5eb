import { type AttributeId, fieldProblem, type FieldProblem } from './attributes.ts';
import { codesOf } from './credential-set.ts';
import { childrenByName, textOf } from './envelope.ts';
import { clientFault } from './fault.ts';
import type { Begun, Call, Failure, Operation, Reply } from './operation.ts';
import { errorStack, resultCodes, typed } from './response.ts';
import type { ResultCodes } from './codes.ts';
import { codesOfSuccess } from './result-codes.ts';
import type { SynchroniseAnswer } from '../service/api.ts';
import type { XmlElement, XmlNode } from '../xml.ts';

/** syncTokenAndHost: two consecutive responses bring an authenticator and its record together. */
export const syncTokenAndHost: Operation = {
  interface: 'authentication',
  name: 'syncTokenAndHost',
  begin: (element): Begun => {
    const sent = readSent(element);
    const fail = (outcome: string, codes: ResultCodes): Reply =>
      reply(outcome, codes, {
        userName: sent.userID,
        domainName: orNull(sent.domain),
        organisationalUnit: null,
        serial: null,
      });
    return {
      fail,
      ignored: [],
      answer: async (call) => {
        const answer = await synchronise(sent, call);
        if ('code' in answer) return fail(answer.code, codesOf('syncTokenAndHost', answer));
        return reply(answer.outcome, codesOfSuccess(answer.outcome), answer);
      },
    };
  },
};

/** The texts as they came; '' for what was left out or empty. */
interface Sent {
  readonly componentType: string;
  readonly userID: string;
  readonly domain: string;
  readonly first: SentResponse;
  readonly second: SentResponse;
  readonly serialNumber: string;
  readonly pin: string;
}

interface SentResponse {
  /** As the program spells it. */
  readonly name: string;
  readonly response: string;
  readonly challenge: string;
  readonly challengeKey: string;
}

/** @throws TallystickError `request-malformed` */
function readSent(element: XmlElement): Sent {
  const { user, credential, componentType } = childrenByName(element, [
    'componentType',
    'user',
    'credential',
  ]);
  const { userID, domain } = childrenByName(user, ['userID', 'domain']);
  // A printed example has the second spelling.
  const { otp1, otp2, opt1, opt2, serialNumber, pin } = childrenByName(credential, [
    'otp1',
    'otp2',
    'opt1',
    'opt2',
    'serialNumber',
    'pin',
  ]);
  if ((otp1 ?? otp2) !== undefined && (opt1 ?? opt2) !== undefined) {
    throw clientFault('otp1 and otp2 must be spelled alike');
  }
  const spelling = (opt1 ?? opt2) === undefined ? 'otp' : 'opt';
  return {
    componentType: textOf(componentType),
    userID: textOf(userID),
    domain: textOf(domain),
    first: readResponse(`${spelling}1`, otp1 ?? opt1),
    second: readResponse(`${spelling}2`, otp2 ?? opt2),
    serialNumber: textOf(serialNumber),
    pin: textOf(pin),
  };
}

function readResponse(name: string, element: XmlElement | undefined): SentResponse {
  const parts = childrenByName(element, ['response', 'challenge', 'challengeKey']);
  return {
    name,
    response: textOf(parts.response),
    challenge: textOf(parts.challenge),
    challengeKey: textOf(parts.challengeKey),
  };
}

type Synchronised = Extract<SynchroniseAnswer, { outcome: 'synchronised' }>;

async function synchronise(sent: Sent, call: Call): Promise<Synchronised | Failure> {
  const problem = problemOf(sent);
  if (problem !== null) return problem;
  const answer = await call.service.synchronise(call.callerFor(sent.componentType), {
    userName: sent.userID,
    domainName: orNull(sent.domain),
    serial: orNull(sent.serialNumber),
    pin: orNull(sent.pin),
    first: { response: sent.first.response, challenge: orNull(sent.first.challenge) },
    second: { response: sent.second.response, challenge: orNull(sent.second.challenge) },
    requestKey: null,
  });
  return answer.outcome === 'refused' ? { code: answer.code } : answer;
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}

/** Each field: its name, the attribute whose bounds it has, and whether it must be there. */
const fieldsOf = (sent: Sent): readonly (readonly [string, AttributeId, string, boolean])[] => [
  ['componentType', 'CREDFLD_COMPONENT_TYPE', sent.componentType, true],
  ['userID', 'CREDFLD_USERID', sent.userID, true],
  ['domain', 'CREDFLD_DOMAIN', sent.domain, false],
  [`${sent.first.name}.response`, 'CREDFLD_DP_RESPONSE', sent.first.response, true],
  [`${sent.first.name}.challenge`, 'CREDFLD_CHALLENGE', sent.first.challenge, false],
  [`${sent.second.name}.response`, 'CREDFLD_DP_RESPONSE', sent.second.response, true],
  [`${sent.second.name}.challenge`, 'CREDFLD_CHALLENGE', sent.second.challenge, false],
  ['serialNumber', 'CREDFLD_SERIAL_NO', sent.serialNumber, false],
  ['pin', 'CREDFLD_CURRENT_PIN', sent.pin, false],
];

function problemOf(sent: Sent): FieldProblem | null {
  if (sent.first.challengeKey !== '' || sent.second.challengeKey !== '') {
    return {
      code: 'field-invalid',
      text: 'challengeKey is not supported here: send the challenge itself.',
    };
  }
  for (const [name, id, text, isMandatory] of fieldsOf(sent)) {
    const problem = fieldProblem(name, id, text, isMandatory);
    if (problem !== null) return problem;
  }
  return null;
}

interface Shown {
  readonly userName: string;
  readonly domainName: string | null;
  readonly organisationalUnit: string | null;
  readonly serial: string | null;
}

/** `result` is there whatever happened: the interface says that it is required. */
function reply(outcome: string, codes: ResultCodes, shown: Shown): Reply {
  const { userName, domainName, organisationalUnit, serial } = shown;
  return {
    outcome,
    content: [
      typed('status', 'BASIC-TYPES:CommandStatusResponse', [resultCodes(codes), errorStack(codes)]),
      typed('result', 'AUTH-TYPES:SyncTokenAndHostResult', [
        typed('user', 'AUTH-TYPES:UserOutput', [
          typed('userID', 'xsd:string', userName),
          ...optional('domain', domainName),
          ...optional('orgUnit', organisationalUnit),
        ]),
        typed('credentials', 'AUTH-TYPES:CredentialOutput', optional('serialNumber', serial)),
      ]),
    ],
  };
}

function optional(name: string, text: string | null): readonly XmlNode[] {
  return text === null ? [] : [typed(name, 'xsd:string', text)];
}
