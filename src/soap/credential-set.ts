import {
  type AttributeId,
  type AttributeSet,
  createFieldReader,
  type FieldReader,
  ignoredExtras,
  readAttributeSet,
  unknownAttributeIds,
} from './attributes.ts';
import { childrenByName } from './envelope.ts';
import { clientFault } from './fault.ts';
import type { Begun, Call, Failure, Operation, Reply } from './operation.ts';
import { type ResponseAttributes, results } from './response.ts';
import type { ResultCodes } from './codes.ts';
import { codesOfFailure, type OperationName } from './result-codes.ts';
import type { AuthenticateRequest, HostCodeWish } from '../service/api.ts';
import type { XmlElement, XmlNode } from '../xml.ts';

/** What the commands with a set of CREDFLD attributes have in common. */

/** What a command makes of its fields: ends well with attributes, or fails. */
export type Judged =
  | {
      readonly outcome: string;
      readonly codes: ResultCodes;
      readonly attributes: ResponseAttributes;
    }
  | Failure;

interface CredentialCommand {
  readonly interface: Operation['interface'];
  readonly name: OperationName;
  readonly judge: (fields: FieldReader, call: Call) => Promise<Judged>;
  /** What stands between the response element and `results`. */
  readonly wrap?: (results: XmlNode) => XmlNode;
}

/** An operation whose request is one attribute set and whose answer is `results`. */
export function credentialCommand({ wrap, name, judge, ...command }: CredentialCommand): Operation {
  const content = (all: XmlNode): readonly XmlNode[] => [wrap === undefined ? all : wrap(all)];
  const setName =
    command.interface === 'authentication' ? 'credentialAttributeSet' : 'attributeSet';
  return {
    interface: command.interface,
    name,
    begin: (element): Begun => {
      const attributes = requireSet(element, setName);
      const fields = createFieldReader(attributes);
      const fail = (outcome: string, codes: ResultCodes): Reply => ({
        outcome,
        content: content(results(codes, identityOf(fields))),
      });
      return {
        fail,
        ignored: unknownAttributeIds(attributes),
        answer: async (call) => {
          const judged = await judge(fields, call);
          if ('code' in judged) return fail(judged.code, codesOf(name, judged));
          const { outcome, codes, attributes: shown } = judged;
          return { outcome, content: content(results(codes, shown)) };
        },
      };
    },
  };
}

/** The codes of a failure, with its own text if it has one, and with the rule that was broken. */
export function codesOf(name: OperationName, failure: Failure): ResultCodes {
  const codes = codesOfFailure(name, failure.code);
  const { text = codes.text, rule } = failure;
  return { ...codes, text: rule === undefined ? text : `${text} ${rule}` };
}

function requireSet(element: XmlElement, setName: string): AttributeSet {
  const set = childrenByName(element, [setName], ignoredExtras)[setName];
  if (set === undefined) throw clientFault(`there must be one ${setName}`);
  return readAttributeSet(set);
}

/** User and domain as they were received: of a failure nothing more is known. */
export function identityOf(fields: FieldReader): ResponseAttributes {
  return [
    ['CREDFLD_USERID', fields.asReceived('CREDFLD_USERID')],
    ['CREDFLD_DOMAIN', fields.asReceived('CREDFLD_DOMAIN')],
  ];
}

const combinedFormat = 0;
const separateFormat = 4;

/** The credential, whose format says where its parts are; the fields of the other are not read. */
export function readCredential(fields: FieldReader): AuthenticateRequest['credential'] {
  const format = fields.mandatoryNumber('CREDFLD_PASSWORD_FORMAT');
  if (format === separateFormat) return readParts(fields);
  if (format !== combinedFormat) {
    fields.refuse({ code: 'field-invalid', text: 'CREDFLD_PASSWORD_FORMAT must be 0 or 4.' });
  }
  return { format: 'combined', text: fields.text('CREDFLD_PASSWORD') ?? '' };
}

function readParts(fields: FieldReader): AuthenticateRequest['credential'] {
  const pin = fields.text('CREDFLD_NEW_PIN');
  const confirmation = fields.text('CREDFLD_CONFIRM_NEW_PIN');
  return {
    format: 'separate',
    staticPassword: fields.text('CREDFLD_STATIC_PASSWORD'),
    pin: fields.text('CREDFLD_CURRENT_PIN'),
    response: fields.text('CREDFLD_DP_RESPONSE'),
    newPin:
      pin === null && confirmation === null
        ? null
        : { pin: pin ?? '', confirmation: confirmation ?? '' },
  };
}

/** No public page has the values: these are the words of the documentation, and their order. */
const hostCodeWishes = ['none', 'optional', 'required'] as const;

/** Whether the answer is to hold a host code, as the attribute says; one that is absent wants none. */
export function readHostCodeWish(fields: FieldReader, id: AttributeId): HostCodeWish {
  const sent = fields.text(id)?.trim().toLowerCase() ?? 'none';
  const wish = hostCodeWishes.find((word, index) => word === sent || String(index) === sent);
  if (wish !== undefined) return wish;
  const text = `${id} must be None, Optional or Required (0, 1 or 2).`;
  fields.refuse({ code: 'field-invalid', text });
  return 'none';
}
