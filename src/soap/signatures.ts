import {
  type AttributeId,
  createFieldReader,
  type FieldReader,
  readAttributeSet,
  unknownAttributeIds,
} from './attributes.ts';
import { codesOf, readHostCodeWish } from './credential-set.ts';
import { childrenByName, isUnqualified, requireNoText, textOf } from './envelope.ts';
import { clientFault } from './fault.ts';
import type { Begun, Call, Failure, Operation, Reply } from './operation.ts';
import { type ResponseAttributes, results } from './response.ts';
import type { ResultCodes } from './codes.ts';
import { codesOfSuccess } from './result-codes.ts';
import type { SignatureAnswer } from '../service/api.ts';
import type { XmlElement } from '../xml.ts';

const dataFieldIds = [
  'SIGNFLD_DATA_FIELD_1',
  'SIGNFLD_DATA_FIELD_2',
  'SIGNFLD_DATA_FIELD_3',
  'SIGNFLD_DATA_FIELD_4',
  'SIGNFLD_DATA_FIELD_5',
  'SIGNFLD_DATA_FIELD_6',
  'SIGNFLD_DATA_FIELD_7',
  'SIGNFLD_DATA_FIELD_8',
] as const satisfies readonly AttributeId[];

/**
 * authSignature: verifies a signature over data fields, which are numbered attributes or a list beside them.
 */
export const authSignature: Operation = {
  interface: 'signature',
  name: 'authSignature',
  begin: (element): Begun => {
    const { attributeSet, dataFieldList } = childrenByName(element, [
      'attributeSet',
      'dataFieldList',
    ]);
    if (attributeSet === undefined) throw clientFault('there must be one attributeSet');
    const attributes = readAttributeSet(attributeSet);
    const listed = readDataFieldList(dataFieldList);
    const ignored = unknownAttributeIds(attributes);
    const fields = createFieldReader(attributes);
    const reply = (outcome: string, codes: ResultCodes, shown: ResponseAttributes): Reply => ({
      outcome,
      content: [results(codes, shown, 'SIGNFLD_STATUS_MESSAGE')],
    });
    const fail = (outcome: string, codes: ResultCodes): Reply =>
      reply(outcome, codes, [
        ['SIGNFLD_USERID', fields.asReceived('SIGNFLD_USERID')],
        ['SIGNFLD_DOMAIN', fields.asReceived('SIGNFLD_DOMAIN')],
      ]);
    return {
      fail,
      ignored,
      answer: async (call) => {
        const answer = await verify(fields, { listed, unknownIds: ignored }, call);
        if ('code' in answer) return fail(answer.code, codesOf('authSignature', answer));
        return reply(answer.outcome, codesOfSuccess(answer.outcome), [
          ['SIGNFLD_USERID', answer.userName],
          ['SIGNFLD_DOMAIN', answer.domainName],
          ['SIGNFLD_ORGANIZATIONAL_UNIT', answer.organisationalUnit],
          ['SIGNFLD_SERIAL_NO', answer.serial],
          ['SIGNFLD_CONFIRM_CODE', answer.hostCode ?? null],
        ]);
      },
    };
  },
};

type Accepted = Extract<SignatureAnswer, { outcome: 'signature-accepted' }>;

/** What there is of the data fields beside the attributes that are known. */
interface Beside {
  readonly listed: readonly string[];
  readonly unknownIds: readonly string[];
}

async function verify(
  fields: FieldReader,
  beside: Beside,
  call: Call,
): Promise<Accepted | Failure> {
  const userName = fields.mandatoryText('SIGNFLD_USERID');
  const componentType = fields.mandatoryText('SIGNFLD_COMPONENT_TYPE');
  const domainName = fields.text('SIGNFLD_DOMAIN');
  const signature = fields.mandatoryText('SIGNFLD_SIGNATURE');
  const serial = fields.text('SIGNFLD_SERIAL_NO');
  const hostCode = readHostCodeWish(fields, 'SIGNFLD_REQUEST_CONFIRM_CODE');
  // It would name a request that waits on a telephone; there are none here.
  if (fields.text('SIGNFLD_REQUEST_KEY') !== null) {
    const text = 'SIGNFLD_REQUEST_KEY must be left out: no request waits for a signature here.';
    fields.refuse({ code: 'field-invalid', text });
  }
  const signed = readSigned(fields, beside);
  const problem = fields.problem();
  if (problem !== null) return problem;
  return call.service.verifySignature(call.callerFor(componentType), {
    userName,
    domainName,
    signature,
    fields: signed,
    serial,
    applicationName: null,
    requestKey: null,
    hostCode,
  });
}

/**
 * What was signed, in its order: the numbers of the attributes, or the list as it came. Programs fill what
 * they do not need with empty values, so the last ones may be missing; no device leaves one out in between.
 */
function readSigned(fields: FieldReader, { listed, unknownIds }: Beside): readonly string[] {
  const sent = dataFieldIds.map((id) => fields.text(id));
  const numbered = sent.slice(0, sent.findLastIndex((value) => value !== null) + 1);
  const missing = dataFieldIds.find((_, index) => numbered[index] === null);
  // To ignore it, as other unknown attributes, would be to accept what it holds as signed.
  if (unknownIds.some((id) => id.startsWith('SIGNFLD_DATA_FIELD_'))) {
    const text = `The data fields are ${dataFieldIds[0]} to ${dataFieldIds.at(-1)}, and no others.`;
    fields.refuse({ code: 'field-invalid', text });
  }
  if (numbered.length > 0 && listed.length > 0) {
    const text = `The data fields must be ${dataFieldIds[0]} and on, or a dataFieldList, not both.`;
    fields.refuse({ code: 'field-invalid', text });
  }
  if (missing !== undefined) {
    const text = `${missing} must be given: the data fields are numbered without gaps.`;
    fields.refuse({ code: 'field-missing', text });
  }
  if (numbered.length === 0 && listed.length === 0) {
    const text = `${dataFieldIds[0]} and on, or a dataFieldList, must hold what was signed.`;
    fields.refuse({ code: 'field-missing', text });
  }
  return numbered.length > 0 ? numbered.map((value) => value ?? '') : listed;
}

/**
 * The values in their order. Their keys, which are the program's, are no part of what was signed.
 *
 * @throws TallystickError `request-malformed`
 */
function readDataFieldList(list: XmlElement | undefined): readonly string[] {
  if (list === undefined) return [];
  requireNoText(list);
  if (list.children.length > dataFieldIds.length) {
    throw clientFault(`a dataFieldList holds at most ${dataFieldIds.length} fields`);
  }
  const keys = new Set<string>();
  return list.children.map((child) => {
    if (child.local !== 'dataField' || !isUnqualified(child)) {
      throw clientFault('a dataFieldList holds elements dataField and nothing else');
    }
    const { key, value } = childrenByName(child, ['key', 'value']);
    const name = textOf(key);
    if (name === '' || keys.has(name)) throw clientFault('each dataField has a key of its own');
    keys.add(name);
    return textOf(value);
  });
}
