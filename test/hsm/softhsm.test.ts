import { openModule, type Residency } from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import { type OpenedModule, seedModuleContract } from './seed-module-contract.ts';
import { seedMoveContract } from './seed-move-contract.ts';
import { initialisedSoftHsm } from './support.ts';

async function open(residency: Residency): Promise<OpenedModule> {
  const hsm = await initialisedSoftHsm();
  const module = await openModule({ uri: hsm.uri, residency });
  return { module, cleanUp: () => hsm.remove() };
}

describeLayer('softhsm', 'SoftHSM', () => {
  for (const residency of ['resident', 'wrapped'] as const) {
    seedModuleContract(`SoftHSM, ${residency}`, () => open(residency));
  }
  seedMoveContract('SoftHSM', () => open('wrapped'));
});
