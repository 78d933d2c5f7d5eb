import { type HsmModule, openModule, type Residency } from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import { seedModuleContract } from './seed-module-contract.ts';
import { type ReopenableModule, seedMoveContract } from './seed-move-contract.ts';
import { initialisedSoftHsm } from './support.ts';

async function open(residency: Residency): Promise<ReopenableModule> {
  const hsm = await initialisedSoftHsm();
  const reopen = (): Promise<HsmModule> => openModule({ uri: hsm.uri, residency });
  return { module: await reopen(), reopen, cleanUp: () => hsm.remove() };
}

describeLayer('softhsm', 'SoftHSM', () => {
  for (const residency of ['resident', 'wrapped'] as const) {
    seedModuleContract(`SoftHSM, ${residency}`, () => open(residency));
  }
  seedMoveContract('SoftHSM', () => open('wrapped'));
});
