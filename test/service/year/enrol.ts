import { algorithmToJson } from '../../../src/oath/index.ts';
import type { Bench } from '../../support/builders.ts';
import type { FleetToken } from './fleet.ts';

/** Imports the device's seed with a counter, and assigns it to its owner, who must be known. */
export async function enrol(
  bench: Bench,
  { userName, device, seed }: FleetToken,
  counter: bigint = 0n,
): Promise<void> {
  const { serial, applications } = device;
  const [application] = applications;
  const algorithm = algorithmToJson(application!.algorithm);
  const applicationName = application!.name;
  await bench.device(algorithm, { userName, serial, applicationName, seed, counter });
}
