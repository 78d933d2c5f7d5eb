import {
  credentialCommand,
  identityOf,
  type Judged,
  readCredential,
  readHostCodeWish,
} from './credential-set.ts';
import type { FieldReader } from './attributes.ts';
import type { Call, Operation } from './operation.ts';
import { dateTimeText, typed } from './response.ts';
import { codesOfChallenge, codesOfSuccess } from './result-codes.ts';

/** authUser: verifies one credential of a user. */
export const authUser: Operation = credentialCommand({
  interface: 'authentication',
  name: 'authUser',
  wrap: (results) => typed('authUserResults', 'AUTH-TYPES:AuthUserResults', [results]),
  judge: authenticate,
});

async function authenticate(fields: FieldReader, call: Call): Promise<Judged> {
  const userName = fields.mandatoryText('CREDFLD_USERID');
  const componentType = fields.mandatoryText('CREDFLD_COMPONENT_TYPE');
  const domainName = fields.text('CREDFLD_DOMAIN');
  const credential = readCredential(fields);
  const serial = fields.text('CREDFLD_SERIAL_NO');
  const challenge = fields.text('CREDFLD_CHALLENGE');
  const challengeKey = fields.text('CREDFLD_CHALLENGE_KEY');
  if (challenge !== null && challengeKey !== null) {
    const text = 'CREDFLD_CHALLENGE and CREDFLD_CHALLENGE_KEY must not come together.';
    fields.refuse({ code: 'field-invalid', text });
  }
  const hostCode = readHostCodeWish(fields, 'CREDFLD_REQUEST_HOST_CODE');
  const problem = fields.problem();
  if (problem !== null) return problem;
  const answer = await call.service.authenticate(call.callerFor(componentType), {
    userName,
    domainName,
    credential,
    challenge,
    challengeKey,
    serial,
    applicationName: null,
    requestKey: null,
    hostCode,
  });
  if (answer.outcome === 'refused') return { code: answer.code };
  if (answer.outcome === 'challenge-issued') {
    return {
      outcome: answer.outcome,
      codes: codesOfChallenge('authUser', call.challengeIssuedProfile, answer.kind),
      attributes: [
        ...identityOf(fields),
        ['CREDFLD_CHALLENGE', answer.challenge],
        ['CREDFLD_CHALLENGE_KEY', answer.challengeKey],
        ['CREDFLD_CHALLENGE_MESSAGE', answer.message],
      ],
    };
  }
  const { passwordExpiresAtMs } = answer;
  return {
    outcome: answer.outcome,
    codes: codesOfSuccess(answer.outcome),
    attributes: [
      ['CREDFLD_USERID', answer.userName],
      ['CREDFLD_DOMAIN', answer.domainName],
      ['CREDFLD_ORGANIZATIONAL_UNIT', answer.organisationalUnit],
      ['CREDFLD_SERIAL_NO', answer.serial],
      ['CREDFLD_HOST_CODE', answer.hostCode ?? null],
      [
        'CREDFLD_NOTIFY_PASSWORD_EXPIRE_DATE',
        passwordExpiresAtMs === null ? null : dateTimeText(passwordExpiresAtMs),
      ],
    ],
  };
}

/** getChallenge: a challenge for one user, or for whichever user answers it. */
export const getChallenge: Operation = credentialCommand({
  interface: 'authentication',
  name: 'getChallenge',
  judge: issueChallenge,
});

async function issueChallenge(fields: FieldReader, call: Call): Promise<Judged> {
  const componentType = fields.mandatoryText('CREDFLD_COMPONENT_TYPE');
  const userName = fields.text('CREDFLD_USERID');
  const domainName = fields.text('CREDFLD_DOMAIN');
  const serial = fields.text('CREDFLD_SERIAL_NO');
  const problem = fields.problem();
  if (problem !== null) return problem;
  const answer = await call.service.issueChallenge(call.callerFor(componentType), {
    userName,
    domainName,
    serial,
    applicationName: null,
    requestKey: null,
  });
  if (answer.outcome === 'refused') return { code: answer.code };
  return {
    outcome: answer.outcome,
    codes: codesOfChallenge('getChallenge', call.challengeIssuedProfile, 'challenge'),
    attributes: [
      ...identityOf(fields),
      ['CREDFLD_CHALLENGE', answer.challenge],
      ['CREDFLD_CHALLENGE_KEY', answer.challengeKey],
    ],
  };
}
