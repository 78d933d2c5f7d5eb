import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { exitCodes, setupError } from './agent-error.ts';
import type { AgentWorld, CommonOptions } from './cli-world.ts';
import { enrol, openAgent } from './enrol.ts';
import { removeUser, reset, type Reset } from './remove.ts';
import { report } from './reporting.ts';
import { apiOf, run } from './run.ts';
import type { Agent } from './agent.ts';

/** Where the precise words go. */
export function logOf(world: AgentWorld, { verbose }: CommonOptions): Agent['log'] {
  return (code, detail) => {
    if (verbose === true) world.err(`${JSON.stringify({ code, detail })}\n`);
  };
}

/** A number of things. */
export function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

interface EnrolOptions extends CommonOptions {
  readonly server: string;
  readonly keyFile: string;
  readonly name: string;
  readonly mode: 'hw' | 'ram' | 'sw';
  readonly moduleUri?: string;
  readonly serverKey?: string;
  readonly ca?: string;
}

export function enrolCommand(world: AgentWorld): Command {
  return new Command('enrol')
    .description('Make this computer known to the server.')
    .requiredOption('--server <url>', 'https, or http on this computer')
    .requiredOption('--key-file <file>', 'the API key of role client, in a file of mode 0600')
    .requiredOption('--name <name>', 'by which the server lists this computer')
    .addOption(
      new Option('--mode <mode>', 'where secrets are: hardware, memory or disk')
        .choices(['hw', 'ram', 'sw'])
        .makeOptionMandatory(),
    )
    .option('--module-uri <uri>', 'of mode hw: pkcs11: URI with module-path and pin-source')
    .option('--server-key <fingerprint>', "of the server's signing key, as the server shows it")
    .option('--ca <file>', "authorities (PEM) that are trusted in place of the system's")
    .option('--json', 'print it as JSON')
    .action(async (options: EnrolOptions) => {
      const { server, keyFile, name, mode, moduleUri, serverKey, ca } = options;
      const enrolled = await enrol(
        world.env,
        options.state,
        {
          server,
          keyFile: resolve(keyFile),
          ca: ca === undefined ? null : resolve(ca),
          name,
          mode,
          moduleUri: moduleUri ?? null,
          serverKey: serverKey ?? null,
        },
        world.patience,
      );
      if (options.json === true) {
        world.out(`${JSON.stringify(enrolled)}\n`);
        return;
      }
      world.out(`Enrolled as ${enrolled.agentId}.\n`);
      world.out(`The server signs by ${enrolled.serverKey}.\n`);
      if (serverKey === undefined) {
        world.err('Compare that with what "tallystick offline signing-key" shows.\n');
      }
    });
}

export function reportCommand(world: AgentWorld): Command {
  return new Command('report')
    .description('Tell the server what was done offline.')
    .action(async (options: CommonOptions) => {
      const agent = await openAgent(world.env, options.state, logOf(world, options));
      try {
        const lines = await report(agent, await apiOf(agent, world.patience));
        world.out(
          lines === 0 ? 'Nothing was to be reported.\n' : `Reported: ${counted(lines, 'line')}.\n`,
        );
      } finally {
        await agent.keys.close();
      }
    });
}

export function runCommand(world: AgentWorld): Command {
  return new Command('run')
    .description('Keep running: report regularly, and in mode ram hold the share of the server.')
    .action((options: CommonOptions) =>
      run({
        env: world.env,
        folder: options.state,
        patience: world.patience,
        log: logOf(world, options),
        say: (text) => world.err(`${text}\n`),
        signal: world.stopSignal(),
      }),
    );
}

export function removeCommand(world: AgentWorld, ended: { code: number }): Command {
  return new Command('remove')
    .description('Destroy the offline data of a user on this computer.')
    .argument('<user>')
    .option('--domain <name>', 'of the user')
    .action(async (user: string, options: CommonOptions & { readonly domain?: string }) => {
      const agent = await openAgent(world.env, options.state, logOf(world, options));
      try {
        const gone = await removeUser(agent, { user, domain: options.domain ?? null });
        if (gone === 0) ended.code = exitCodes['no-data'];
        world.out(gone === 0 ? 'There was none.\n' : 'Destroyed. The next report says so.\n');
      } finally {
        await agent.keys.close();
      }
    });
}

export function resetCommand(world: AgentWorld): Command {
  return new Command('reset')
    .description('Destroy everything that the agent has on this computer.')
    .option('--yes', 'needed: what was not reported is lost')
    .action(async (options: CommonOptions & { readonly yes?: boolean }) => {
      if (options.yes !== true) throw setupError('usage', 'reset needs --yes');
      world.out(resetText(await reset(world.env, options.state)));
    });
}

function resetText(done: Reset): string {
  switch (done.was) {
    case 'enrolled':
      return `Everything is destroyed. Revoke this agent at the server: ${done.agentId}\n`;
    case 'enrolling':
      return (
        'What an enrolment had begun is destroyed.\n' +
        'If the server shows this computer (tallystick offline agents), revoke it there.\n'
      );
    case 'damaged':
      return (
        'Its configuration was damaged. Everything is destroyed but what a PKCS#11 module may hold.\n' +
        'Revoke this agent at the server.\n'
      );
  }
}
