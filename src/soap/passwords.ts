import { type AttributeId, fieldProblem, type FieldReader } from './attributes.ts';
import { codesOf, credentialCommand, type Judged } from './credential-set.ts';
import { childrenByName, textOf } from './envelope.ts';
import type { Begun, Call, Failure, Operation, Reply } from './operation.ts';
import { errorStack, resultCodes, typed } from './response.ts';
import type { ResultCodes } from './codes.ts';
import { codesOfSuccess, type OperationName } from './result-codes.ts';
import type { PasswordChangeAnswer } from '../service/api.ts';
import type { XmlElement } from '../xml.ts';

/** updatePassword: a person changes his static password. */
export const updatePassword: Operation = credentialCommand({
  interface: 'authentication',
  name: 'updatePassword',
  judge: update,
});

async function update(fields: FieldReader, call: Call): Promise<Judged> {
  const userName = fields.mandatoryText('CREDFLD_USERID');
  const componentType = fields.mandatoryText('CREDFLD_COMPONENT_TYPE');
  const domainName = fields.text('CREDFLD_DOMAIN');
  // Two documents of the interface name the same fields differently.
  const password = oneOf(fields, 'CREDFLD_STATIC_PASSWORD', 'CREDFLD_PASSWORD');
  const newPassword = fields.mandatoryText('CREDFLD_NEW_STATIC_PASSWORD');
  const confirmation = oneOf(
    fields,
    'CREDFLD_CONFIRM_STATIC_PASSWORD',
    'CREDFLD_CONFIRM_NEW_STATIC_PASSWORD',
  );
  const problem = fields.problem();
  if (problem !== null) return problem;
  const caller = call.callerFor(componentType);
  const request = { userName, domainName, password, newPassword, confirmation };
  const answer = await call.service.changePassword(caller, request);
  if (answer.outcome === 'refused') return { code: answer.code, rule: answer.rule };
  return {
    outcome: answer.outcome,
    codes: codesOfSuccess(answer.outcome),
    attributes: [
      ['CREDFLD_USERID', answer.userName],
      ['CREDFLD_DOMAIN', answer.domainName],
      ['CREDFLD_ORGANIZATIONAL_UNIT', answer.organisationalUnit],
    ],
  };
}

/** A field that has two names: one of them has to be there, and if both are, they have to agree. */
function oneOf(fields: FieldReader, id: AttributeId, otherId: AttributeId): string {
  const text = fields.text(id);
  const other = fields.text(otherId);
  if (text === null && other === null) {
    fields.refuse({ code: 'field-missing', text: `${id} or ${otherId} must be given.` });
  }
  if (text !== null && other !== null && text !== other) {
    fields.refuse({ code: 'field-invalid', text: `${id} and ${otherId} must be the same.` });
  }
  return text ?? other ?? '';
}

/** changeBackendPassword: a person changes the password that the back end knows. */
export const changeBackendPassword: Operation = typedCommand(
  'changeBackendPassword',
  (element) => {
    const parts = childrenByName(element, [
      'componentType',
      'user',
      'credential',
      'newStaticPassword',
    ]);
    const { userID, domain } = childrenByName(parts.user, ['userID', 'domain']);
    const { staticPassword } = childrenByName(parts.credential, ['staticPassword']);
    return {
      componentType: textOf(parts.componentType),
      userID: textOf(userID),
      domain: textOf(domain),
      staticPassword: textOf(staticPassword),
      newStaticPassword: textOf(parts.newStaticPassword),
    };
  },
  [
    ['componentType', 'CREDFLD_COMPONENT_TYPE', true],
    ['userID', 'CREDFLD_USERID', true],
    ['domain', 'CREDFLD_DOMAIN', false],
    ['staticPassword', 'CREDFLD_STATIC_PASSWORD', true],
    ['newStaticPassword', 'CREDFLD_NEW_STATIC_PASSWORD', true],
  ],
  async (sent, call) => {
    const { componentType, userID, domain, staticPassword, newStaticPassword } = sent;
    const answer: PasswordChangeAnswer = await call.service.changeBackEndPassword(
      call.callerFor(componentType),
      {
        userName: userID,
        domainName: domain === '' ? null : domain,
        password: staticPassword,
        newPassword: newStaticPassword,
        confirmation: newStaticPassword,
      },
    );
    return answer.outcome === 'refused' ? { code: answer.code } : answer.outcome;
  },
);

/**
 * cancelAuthUser: takes back what waits to be confirmed on a device over a secure channel. Nothing of
 * the kind is ever issued here, so that there is nothing to cancel, whatever is named; no count changes.
 */
export const cancelAuthUser: Operation = typedCommand(
  'cancelAuthUser',
  (element) => {
    const parts = childrenByName(element, ['componentType', 'serialNumber', 'challengeKeyMessage']);
    return {
      componentType: textOf(parts.componentType),
      serialNumber: textOf(parts.serialNumber),
      challengeKeyMessage: textOf(parts.challengeKeyMessage),
    };
  },
  [
    ['componentType', 'CREDFLD_COMPONENT_TYPE', true],
    ['serialNumber', 'CREDFLD_SERIAL_NO', true],
    ['challengeKeyMessage', 'CREDFLD_CHALLENGE_MESSAGE', true],
  ],
  ({ challengeKeyMessage }) => Promise.resolve(cancelled(challengeKeyMessage)),
);

/** It is encrypted for the device, so that nothing but its form can be judged. */
function cancelled(challengeKeyMessage: string): Failure {
  if (/^(?:[0-9a-f]{2})+$/i.test(challengeKeyMessage)) return { code: 'nothing-to-cancel' };
  return {
    code: 'field-invalid',
    text: 'challengeKeyMessage must be hexadecimal: two digits a byte.',
  };
}

/** Each field of a command with named children: its name, whose bounds it has, whether it must be there. */
type Fields<Sent> = readonly (readonly [keyof Sent & string, AttributeId, boolean])[];

/** A command with named children that answers with a status and nothing else. */
function typedCommand<Sent extends Readonly<Record<string, string>>>(
  name: OperationName,
  read: (element: XmlElement) => Sent,
  fields: Fields<Sent>,
  ask: (sent: Sent, call: Call) => Promise<'password-changed' | Failure>,
): Operation {
  const reply = (outcome: string, codes: ResultCodes): Reply => ({
    outcome,
    content: [
      typed('status', 'BASIC-TYPES:CommandStatusResponse', [resultCodes(codes), errorStack(codes)]),
    ],
  });
  return {
    interface: 'authentication',
    name,
    begin: (element): Begun => {
      const sent = read(element);
      return {
        fail: reply,
        ignored: [],
        answer: async (call) => {
          for (const [field, id, isMandatory] of fields) {
            const problem = fieldProblem(field, id, sent[field] ?? '', isMandatory);
            if (problem !== null) return reply(problem.code, codesOf(name, problem));
          }
          const answer = await ask(sent, call);
          if (typeof answer === 'object') return reply(answer.code, codesOf(name, answer));
          return reply(answer, codesOfSuccess(answer));
        },
      };
    },
  };
}
