import type { Command } from 'commander';
import { clientCommand, pathOf, text } from './commands.ts';
import { type CliIo, usageFailure } from './io.ts';
import type { JsonRecord } from './rest-client.ts';
import { facts, table, wrapped } from './table.ts';
import type { PolicyExplanationJson } from '../rest/policy-explanation.ts';

type Setting = PolicyExplanationJson['settings'][string];

/** `tallystick policy explain`: which rules a request would meet, and where they come from. */
export function explainPolicyCommand(io: CliIo): Command {
  return clientCommand(
    io,
    'explain',
    'which policy rules a program that calls from an address, and why',
    async (desk, _args, options) => {
      const query = { type: text(options, 'type'), address: text(options, 'address') };
      const answer = await desk.client({
        method: 'GET',
        path: pathOf('policy-explanation'),
        query,
      });
      const explanation = answer.body as unknown as PolicyExplanationJson;
      const name = text(options, 'setting');
      if (name === undefined || explanation.component === null) {
        desk.show(explanation, explanationText(explanation));
        return;
      }
      const setting = requireSetting(explanation, name);
      desk.show({ ...explanation, settings: { [name]: setting } }, oneText(explanation, name));
    },
  )
    .requiredOption('--type <type>', 'the component type that its key acts for')
    .requiredOption('--address <address>', 'where it calls from, e.g. 10.1.0.7')
    .option('--setting <name>', 'this setting only, with what it does');
}

function requireSetting({ settings }: PolicyExplanationJson, name: string): Setting {
  const setting = settings[name];
  if (setting !== undefined && Object.hasOwn(settings, name)) return setting;
  throw usageFailure(`there is no setting ${name}; without --setting all of them are listed`);
}

function explanationText(explanation: PolicyExplanationJson): string {
  const { component, others, settings } = explanation;
  const blocks = [headText(explanation)];
  if (component !== null) {
    const rows = Object.entries(settings).map(([name, setting]) => [
      name,
      JSON.stringify(setting.value),
      setting.unit,
      fromText(setting.from),
      insteadText(setting),
    ]);
    blocks.push(table(['SETTING', 'VALUE', 'UNIT', 'FROM', 'INSTEAD OF'], rows));
  }
  if (others.length > 0) {
    const rows = others.map((other) => {
      const { location, access, policy, reason } = other as JsonRecord;
      return [location, access, policy, reasonTexts[reason as Reason]].map(String);
    });
    const heading = ['OTHER LOCATION', 'ACCESS', 'POLICY', 'WHY NOT'];
    blocks.push(table(heading, rows));
  }
  return blocks.join('\n\n');
}

type Reason = PolicyExplanationJson['others'][number]['reason'];

const reasonTexts: Readonly<Record<Reason, string>> = {
  elsewhere: 'the address is not in it',
  'other-family': 'IPv4 and IPv6 never mix',
  'less-specific': 'a smaller network has a component of its own',
};

function headText({
  type,
  address,
  component,
  others,
  types,
  policies,
}: PolicyExplanationJson): string {
  if (component === null) {
    const why =
      others.length > 0
        ? 'no component of that type covers the address.'
        : `no component has that type. Types: ${types.join(', ')}.`;
    const refused = `Requests of type ${type} from ${address} are refused as component-unknown: ${why}`;
    return wrapped(refused, '', '').join('\n');
  }
  const { id, location, access } = component as JsonRecord;
  return facts([
    ['request', `of type ${type} from ${address}`],
    ['component', String(id)],
    ['location', String(location)],
    ['access', access === 'address' ? 'by type and address alone' : 'by API key'],
    ['policy', policies.join(' < ')],
  ]);
}

/** One setting, with all that is known of it. */
function oneText({ settings, policies }: PolicyExplanationJson, name: string): string {
  const setting = settings[name];
  if (setting === undefined) return '';
  const { value, unit, from, description } = setting;
  return [
    description,
    '',
    facts([
      [name, [JSON.stringify(value), unit].join(' ').trim()],
      ['from', fromText(from)],
      ['instead of', insteadText(setting)],
      ['default', JSON.stringify(setting.default)],
      ['policy', policies.join(' < ')],
    ]),
  ].join('\n');
}

/** The policy that a setting comes from, as people read it. */
export function fromText(from: string): string {
  return from === '' ? 'default' : from;
}

function insteadText({ overrides }: Setting): string {
  return overrides.map(({ from, value }) => `${JSON.stringify(value)} of ${from}`).join(', ');
}
