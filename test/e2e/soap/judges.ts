import { fileURLToPath } from 'node:url';
import { createClientAsync } from 'soap';
import { runProgram } from '../../support/cli.ts';
import type { Layer } from '../../support/layers.ts';

/**
 * Programs that know nothing of ours but the address of a WSDL: what they make of it, and of the
 * answers, is what a customer's program makes of it.
 */

export interface Call {
  readonly operation: string;
  /** Of the set of attributes, by name; or `arguments`. */
  readonly set?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly arguments?: object;
}

type Answer = Readonly<Record<string, unknown>>;
export type Judge = (wsdl: string, calls: readonly Call[]) => Promise<readonly Answer[]>;

function program(command: string, script: string): Judge {
  return async (wsdl, calls) => {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const input = JSON.stringify(calls);
    const { code, stdout, stderr } = await runProgram(command, [path, wsdl], { input });
    if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as Answer[];
  };
}

async function npmSoap(wsdl: string, calls: readonly Call[]): Promise<readonly Answer[]> {
  // An element of the interface has the name that this program keeps for XML attributes.
  const client = await createClientAsync(wsdl, { attributesKey: '$attributes' });
  const answers: Answer[] = [];
  for (const call of calls) {
    const { operation, set = '', attributes = {} } = call;
    const given = call.arguments ?? {
      [set]: {
        attributes: Object.entries(attributes).map(([attributeID, value]) => ({
          value,
          attributeID,
        })),
      },
    };
    const method = (client as unknown as Record<string, (given: object) => Promise<[Answer]>>)[
      `${operation}Async`
    ];
    if (method === undefined) throw new Error(`the WSDL has no ${operation}`);
    const [answer] = await method.call(client, given);
    answers.push(answer);
  }
  return answers;
}

export const judges: readonly [string, Layer | null, Judge][] = [
  ['npm soap', null, npmSoap],
  ['python3-zeep', 'zeep', program('/usr/bin/python3', 'zeep_client.py')],
  ['PHP', 'php-soap', program('php', 'client.php')],
];

/** The value under a name, wherever a program puts it; as text, since each has types of its own. */
export function valueOf(answer: unknown, name: string): string | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  for (const [key, inside] of Object.entries(answer)) {
    if (key === name) return plain(inside);
    const deeper = valueOf(inside, name);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** npm soap puts the text of an element that has attributes under a name of its own. */
function plain(value: unknown): string {
  if (typeof value === 'object' && value !== null && '$value' in value) return String(value.$value);
  return String(value);
}

/** The attributes of a result, by their id. */
export function attributesOf(answer: unknown): Readonly<Record<string, string>> {
  if (typeof answer !== 'object' || answer === null) return {};
  if ('attributeID' in answer && 'value' in answer) {
    return { [plain(answer.attributeID)]: plain(answer.value) };
  }
  return Object.assign({}, ...Object.values(answer).map(attributesOf)) as Record<string, string>;
}

export function codesOf(answer: unknown): readonly (string | undefined)[] {
  return [valueOf(answer, 'returnCodeEnum'), valueOf(answer, 'statusCodeEnum')];
}
