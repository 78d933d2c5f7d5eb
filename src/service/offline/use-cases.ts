import { createAdmission } from '../admission.ts';
import type { AtDesk } from '../administration/desk.ts';
import type { ServiceLimits } from '../deps.ts';
import type { Offline } from '../offline-api.ts';
import { enrol, share } from './enrol.ts';
import { offlineLogon } from './logon.ts';
import { fetchPackage } from './package.ts';
import { issueNonce } from './proof.ts';
import { report } from './report.ts';

/** What workstations ask; their keys have the role client. */
export function createOffline(
  atDesk: AtDesk,
  { packagesInFlightMax }: Pick<ServiceLimits, 'packagesInFlightMax'>,
): Offline {
  // Each holds a whole package in memory.
  const making = createAdmission(packagesInFlightMax);
  const serving = new Set<string>();
  return {
    nonce: (caller) => atDesk(caller, 'offline.use', issueNonce),
    enrol: (caller, proof, agent) =>
      atDesk(caller, 'offline.use', (desk) => enrol(desk, proof, agent)),
    logon: (caller, proof, request, purpose) =>
      atDesk(caller, 'offline.use', (desk) => offlineLogon(desk, proof, request, purpose)),
    fetchPackage: (caller, proof, handle) =>
      atDesk(caller, 'offline.use', (desk) =>
        making.admit(() => fetchPackage(desk, proof, handle, serving)),
      ),
    report: (caller, proof) => atDesk(caller, 'offline.use', (desk) => report(desk, proof)),
    share: (caller, proof) => atDesk(caller, 'offline.use', (desk) => share(desk, proof)),
  };
}
