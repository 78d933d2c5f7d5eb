import { type CliIo, usageFailure } from './io.ts';
import { readSecretFile } from '../config/index.ts';

export interface SeedOptions {
  readonly generate?: boolean;
  readonly importHexFile?: string;
  readonly importBase32File?: string;
}

export interface ImportedSeed {
  readonly encoding: 'hex' | 'base32';
  readonly file: string;
}

/** Where the seeds of a new authenticator come from; exactly one way must be chosen. */
export function seedSources(options: SeedOptions): 'generate' | ImportedSeed {
  const { generate = false, importHexFile, importBase32File } = options;
  const imports: readonly (ImportedSeed | undefined)[] = [
    importHexFile === undefined ? undefined : { encoding: 'hex', file: importHexFile },
    importBase32File === undefined ? undefined : { encoding: 'base32', file: importBase32File },
  ];
  const [chosen, ...others] = imports.filter((each) => each !== undefined);
  if (others.length > 0 || generate === (chosen !== undefined)) {
    throw usageFailure(
      'choose one: --generate, --import-hex-file FILE or --import-base32-file FILE (- for standard input)',
    );
  }
  return chosen ?? 'generate';
}

/** The seed's digits without white space. A file must be private; arguments never hold a seed. */
export async function readSeedText(io: CliIo, { file }: ImportedSeed): Promise<string> {
  const text = file === '-' ? await io.readInput() : readSecretFile(file, 'the seed');
  return text.replace(/\s+/g, '');
}
