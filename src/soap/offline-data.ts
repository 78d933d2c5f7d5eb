import {
  type AttributeId,
  type AttributeSet,
  createFieldReader,
  type FieldProblem,
  fieldProblem,
  ignoredExtras,
  readAttributeSet,
} from './attributes.ts';
import { codesOf } from './credential-set.ts';
import { childrenByName, textOf } from './envelope.ts';
import { clientFault } from './fault.ts';
import type { Begun, Call, Failure, Operation, Reply } from './operation.ts';
import {
  attributeNodes,
  dateTimeText,
  errorStack,
  type ResponseAttributes,
  resultCodes,
  typed,
} from './response.ts';
import type { ResultCodes } from './codes.ts';
import { codesOfSuccess, type SuccessOutcome } from './result-codes.ts';
import type { OfflinePackageView, OfflineSelection } from '../service/api.ts';
import type { XmlElement, XmlNode } from '../xml.ts';

const name = 'offlinedataExecute';

/**
 * offlinedataExecute: an administrator who has signed in sees or deletes what workstations have of a user.
 * Little of it is public; docs/divergences.md says what was chosen.
 */
export const offlineDataExecute: Operation = {
  interface: 'administration',
  name,
  begin: (element): Begun => {
    const sent = readSent(element);
    return {
      fail: (outcome, codes) => reply(outcome, codes, []),
      // Nothing is passed over: whoever narrows a deletion by what means nothing here deletes too much.
      ignored: [],
      answer: async (call) => {
        const done = await execute(sent, call);
        if ('code' in done) return reply(done.code, codesOf(name, done), []);
        return reply(done.outcome, codesOfSuccess(done.outcome), done.records);
      },
    };
  },
};

interface Sent {
  readonly sessionId: string;
  readonly command: string;
  readonly attributes: AttributeSet;
}

/** @throws TallystickError `request-malformed` */
function readSent(element: XmlElement): Sent {
  const names = ['sessionID', 'cmd', 'attributeSet'] as const;
  const { sessionID, cmd, attributeSet } = childrenByName(element, names, ignoredExtras);
  if (attributeSet === undefined) throw clientFault('there must be one attributeSet');
  return {
    sessionId: textOf(sessionID).trim(),
    command: textOf(cmd).trim(),
    attributes: readAttributeSet(attributeSet),
  };
}

type Command = 'OFFLINEDATACMD_VIEW' | 'OFFLINEDATACMD_DELETE';

/** Whose data is meant, and which of it. */
interface Wanted {
  readonly command: Command;
  readonly userName: string;
  readonly domainName: string | null;
  readonly only: OfflineSelection;
}

interface Done {
  readonly outcome: SuccessOutcome;
  readonly records: readonly ResponseAttributes[];
}

async function execute(sent: Sent, call: Call): Promise<Done | Failure> {
  const wanted = readWanted(sent);
  if ('code' in wanted) return wanted;
  const caller = await call.callerOfSession(sent.sessionId);
  if (caller === null) return { code: 'session-unknown' };
  const { administration } = call.service;
  const { command, domainName, userName, only } = wanted;
  switch (command) {
    case 'OFFLINEDATACMD_VIEW': {
      const views = await administration.offlineOfUser(caller, domainName, userName, only);
      if (views.length === 0) return { code: 'offline-data-none' };
      return { outcome: 'offline-data-shown', records: views.map(recordOf) };
    }
    case 'OFFLINEDATACMD_DELETE': {
      const count = await administration.revokeOfflineOfUser(caller, domainName, userName, only);
      if (count === 0) return { code: 'offline-data-none' };
      return { outcome: 'offline-data-deleted', records: [] };
    }
  }
}

const accepted: readonly AttributeId[] = [
  'OFFLINEDATAFLD_USERID',
  'OFFLINEDATAFLD_DOMAIN',
  'OFFLINEDATAFLD_COMPONENT_TYPE',
  'OFFLINEDATAFLD_COMPONENT_LOCATION',
  'OFFLINEDATAFLD_SERIALNO',
  'OFFLINEDATAFLD_APPLNAME',
];

function readWanted({ sessionId, command, attributes }: Sent): Wanted | FieldProblem {
  const fields = createFieldReader(attributes);
  const missing = fieldProblem('sessionID', 'CREDFLD_SESSION_ID', sessionId, true);
  if (missing !== null) return missing;
  if (command === '') return { code: 'field-missing', text: 'cmd must be given.' };
  if (command !== 'OFFLINEDATACMD_VIEW' && command !== 'OFFLINEDATACMD_DELETE') {
    const text = 'cmd must be OFFLINEDATACMD_VIEW or OFFLINEDATACMD_DELETE.';
    return { code: 'field-invalid', text };
  }
  const known: readonly string[] = accepted;
  if ([...attributes.keys()].some((id) => !known.includes(id))) {
    return { code: 'field-invalid', text: `Known here are ${accepted.join(', ')}.` };
  }
  const wanted: Wanted = {
    command,
    userName: fields.mandatoryText('OFFLINEDATAFLD_USERID'),
    domainName: fields.text('OFFLINEDATAFLD_DOMAIN'),
    only: {
      agentName: fields.text('OFFLINEDATAFLD_COMPONENT_LOCATION'),
      componentType: fields.text('OFFLINEDATAFLD_COMPONENT_TYPE'),
      serial: fields.text('OFFLINEDATAFLD_SERIALNO'),
      applicationName: fields.text('OFFLINEDATAFLD_APPLNAME'),
    },
  };
  return fields.problem() ?? wanted;
}

function recordOf(view: OfflinePackageView): ResponseAttributes {
  const { kind, first, eventsMax, createdAtMs, notBeforeMs, notAfterMs } = view;
  return [
    ['OFFLINEDATAFLD_USERID', view.userName],
    ['OFFLINEDATAFLD_DOMAIN', view.domainName],
    ['OFFLINEDATAFLD_COMPONENT_TYPE', view.componentType],
    ['OFFLINEDATAFLD_COMPONENT_LOCATION', view.agentName],
    ['OFFLINEDATAFLD_SERIALNO', view.serial],
    ['OFFLINEDATAFLD_APPLNAME', view.applicationName],
    ['OFFLINEDATAFLD_CREATE_TIME', dateTimeText(createdAtMs)],
    ['OFFLINEDATAFLD_START_TIME', dateTimeText(notBeforeMs)],
    ['OFFLINEDATAFLD_END_TIME', dateTimeText(notAfterMs)],
    ['OFFLINEDATAFLD_EVENT_WINDOW', String(eventsMax)],
    ['OFFLINEDATAFLD_EVENT_COUNTER', kind === 'event' ? String(first) : null],
  ];
}

/** One record stands where other commands have theirs; several are the list of a query. */
function reply(outcome: string, codes: ResultCodes, records: readonly ResponseAttributes[]): Reply {
  const [first = [], ...others] = records.map(attributeNodes);
  const content: readonly XmlNode[] =
    others.length === 0
      ? first
      : [first, ...others].map((one) =>
          typed('attributeList', 'ADMIN-TYPES:OfflineDataAttributeList', one),
        );
  return {
    outcome,
    content: [
      typed('results', 'ADMIN-TYPES:OfflineDataResults', [
        resultCodes(codes),
        typed('resultAttribute', 'ADMIN-TYPES:OfflineDataAttributeSet', content),
        errorStack(codes),
      ]),
    ],
  };
}
