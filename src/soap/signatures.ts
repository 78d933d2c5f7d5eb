import {
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

const dataFieldsMax = 8;

/** authSignature: verifies a signature over data fields, in the order in which they come. */
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
    const values = readDataFields(dataFieldList);
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
      ignored: unknownAttributeIds(attributes),
      answer: async (call) => {
        const answer = await verify(fields, values, call);
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

async function verify(
  fields: FieldReader,
  values: readonly string[],
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
  if (values.length === 0) {
    const text = 'dataFieldList must hold the data fields that were signed.';
    fields.refuse({ code: 'field-missing', text });
  }
  const problem = fields.problem();
  if (problem !== null) return problem;
  return call.service.verifySignature(call.callerFor(componentType), {
    userName,
    domainName,
    signature,
    fields: values,
    serial,
    applicationName: null,
    requestKey: null,
    hostCode,
  });
}

/**
 * The values in their order. Their keys, which are the program's, are no part of what was signed.
 *
 * @throws TallystickError `request-malformed`
 */
function readDataFields(list: XmlElement | undefined): readonly string[] {
  if (list === undefined) return [];
  requireNoText(list);
  if (list.children.length > dataFieldsMax) {
    throw clientFault(`a dataFieldList holds at most ${dataFieldsMax} fields`);
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
