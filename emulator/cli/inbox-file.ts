import { join } from 'node:path';
import type { Command } from 'commander';
import { type CliWorld, commonCommand, type CommonOptions, isoTime } from './context.ts';
import { type InboxFile, openInboxFile } from '../inbox/file.ts';
import { type InboxMessage, printable } from '../inbox/message.ts';

/** What all commands of `vtoken inbox` take. */
export interface InboxCommandOptions extends CommonOptions {
  readonly file?: string;
}

const fileName = 'inbox.jsonl';
const previewCharactersMax = 160;

/** A command of `vtoken inbox`, with the options that all of these have. */
export function inboxSubcommand(usage: string, summary: string): Command {
  return commonCommand(usage, summary).option(
    '--file <file>',
    `file of the messages (default: ${fileName} in the folder of the tokens)`,
  );
}

/** The file that a command of `vtoken inbox` works on, and its path. */
export function inboxFileOf(
  world: CliWorld,
  { file, dir }: InboxCommandOptions,
): { readonly path: string; readonly file: InboxFile } {
  const path = file ?? join(dir ?? world.defaultFolder, fileName);
  return { path, file: openInboxFile(path, world.env) };
}

/** A message on one line: when, how, to whom, and how it begins. */
export function messageLine({ atMs, channel, to, subject, text }: InboxMessage): string {
  const whole = printable(subject === undefined ? text : `${subject}: ${text}`);
  const flat = whole.replace(/\s+/g, ' ').trim();
  const isLong = flat.length > previewCharactersMax;
  const preview = isLong ? `${flat.slice(0, previewCharactersMax)}...` : flat;
  return `${isoTime(atMs)}  ${printable(channel).padEnd(5)}  ${printable(to)}  ${preview}`;
}
