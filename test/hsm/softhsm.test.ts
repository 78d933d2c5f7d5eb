import { openModule } from '../../hsm/index.ts';
import { describeLayer } from '../support/layers.ts';
import { seedModuleContract } from './seed-module-contract.ts';
import { initialisedSoftHsm } from './support.ts';

describeLayer('softhsm', 'SoftHSM', () => {
  for (const residency of ['resident', 'wrapped'] as const) {
    seedModuleContract(`SoftHSM, ${residency}`, async () => {
      const hsm = await initialisedSoftHsm();
      const module = await openModule({ uri: hsm.uri, residency });
      return { module, cleanUp: () => hsm.remove() };
    });
  }
});
