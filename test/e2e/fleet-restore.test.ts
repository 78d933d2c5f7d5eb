import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  freshInstallation,
  type Installation,
  type ServerProcess,
  startServer,
  tallystickProgram,
} from '../support/cli.ts';
import { type CliRun, vtoken } from '../emulator/support.ts';

/** A server that is copied and put back while a fleet is driven against it. */

let installation: Installation;
let server: ServerProcess;
/** Outside of what is copied. */
let desk: string;
let rig: string;

beforeAll(async () => {
  installation = await freshInstallation(['--test']);
  server = await startServer(installation.configFile, [], { flags: ['--unsafe-test-clock'] });
  desk = mkdtempSync(join(tmpdir(), 'tallystick-copies-'));
  rig = join(desk, 'rig');
  writeFileSync(join(desk, 'pid'), String(server.child.pid));
  writeFileSync(
    rig,
    `#!/bin/sh
set -eu
cd '${desk}'
var='${installation.folder}'
pid=$(cat pid)
# Database and module together, and nobody at work in them (docs/configuration.md).
kill -TERM "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
case "$1" in
  backup) cp -a "$var" "$VTOKEN_BACKUP" ;;
  restore) rm -r "$var"; cp -a "$VTOKEN_BACKUP" "$var" ;;
esac
echo "$1 $VTOKEN_BACKUP $VTOKEN_TIME" >> done
'${process.execPath}' '${tallystickProgram}' serve --config '${installation.configFile}' \\
  --set listen.port=${server.port} --unsafe-test-clock > log 2>&1 &
echo $! > pid
`,
  );
  chmodSync(rig, 0o700);
}, 120_000);

afterAll(async () => {
  await server.end();
  const pid = Number(readFileSync(join(desk, 'pid'), 'utf8'));
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
  rmSync(desk, { recursive: true, force: true });
  installation.remove();
});

/** Counters that are behind, a key that was imported anew, locks, and responses on their way. */
function scenario(prefix: string): string {
  const path = join(desk, `${prefix}.yaml`);
  const text = `version: 1
seed: NOT-FOR-PRODUCTION restore
start: 2026-01-01T00:00:00Z
for: P16D
tokens:
  - { serials: VT90000001..VT90000003, profile: one-button-event, behaviour: office }
  - { serials: VT91000001..VT91000002, profile: one-button-time, drift: cheap, behaviour: office }
  - { serials: VT92000001, profile: keypad-cr-counter, behaviour: office }
  - { serials: VT93000001, profile: one-button-event, behaviour: slow }
behaviours:
  office: { logins: { perDay: 1.5, days: daily }, typingErrors: 0.1, retries: 1 }
  slow: { logins: { perDay: 0 }, submitDelay: { from: PT20S, to: PT20S }, autoOff: false }
events:
  - { at: P4DT1S, tokens: VT93000001, do: press }
  - { at: P6D, tokens: VT92000001, do: reseed }
  - { at: P7D, tokens: VT93000001, do: unsent, times: 2 }
  - { at: P7DT1M, tokens: VT93000001, do: press }
  - { at: P7DT2M, tokens: VT90000002, do: unsent, times: 3 }
  # Pressed before the server is put back, and there after it.
  - { at: P7DT23H59M50S, tokens: VT93000001, do: press }
  - { at: P8D, do: restore-backup, of: P4DT10S }
  - { at: P10D, do: unlock }
  - { at: P10DT1S, do: resync }
  - { at: P12D, do: restore-backup, of: P4DT10S }
  - { at: P13D, do: restore-backup, of: P9D }
policy: { eventWindowSteps: 4, userLockThreshold: 3 }
`;
  writeFileSync(path, text.replaceAll('VT9', `${prefix}9`));
  return path;
}

function drive(path: string, onBackup: string, onRestore: string): Promise<CliRun> {
  const where = ['--server', server.url, '--key-file', installation.adminKeyFile];
  const commands = ['--on-backup', onBackup, '--on-restore', onRestore];
  const stopped = new Promise<void>(() => undefined);
  return vtoken('/nonexistent', ['fleet', 'drive', path, ...where, ...commands], { stopped });
}

describe('a server whose backup is put back', () => {
  it('answers as the oracle says of one that forgot', async () => {
    const { status, out, err } = await drive(scenario('VR'), `${rig} backup`, `${rig} restore`);
    expect([err, out, status]).toEqual(['', expect.stringMatching(/, 0 differences; /), 0]);
    const attempts = Number(/(\d+) attempts/.exec(out)?.[1]);
    expect(attempts).toBeGreaterThan(70);
    const done = readFileSync(join(desk, 'done'), 'utf8').trim().split('\n');
    expect(done).toEqual([
      'backup 20260105T000010000Z 2026-01-05T00:00:10.000Z',
      'restore 20260105T000010000Z 2026-01-09T00:00:00.000Z',
      'backup 20260110T000000000Z 2026-01-10T00:00:00.000Z',
      'restore 20260105T000010000Z 2026-01-13T00:00:00.000Z',
      'restore 20260110T000000000Z 2026-01-14T00:00:00.000Z',
    ]);
    expect(readdirSync(desk)).toContain('20260110T000000000Z');
  }, 180_000);

  it('is told from one that was not put back', async () => {
    const { status, out, err } = await drive(scenario('VU'), 'true', 'true');
    expect(status).toBe(1);
    expect(out).toMatch(/^VU9\d+ {2}2026-01-\S+ {2}\w+: expected \S+, got \S+$/m);
    expect(out).toMatch(/, [1-9]\d* differences; /);
    expect(err).toMatch(/answers were not the expected ones/);
  }, 180_000);

  it('says which command failed, and how far the drive came', async () => {
    const { status, err } = await drive(scenario('VV'), 'true', 'exit 3');
    expect(status).toBe(5);
    expect(err).toMatch(
      /^vtoken: --on-restore failed: exit status 3; the drive was at 2026-01-09T00:00:00.000Z, after \d+ attempts and 0 differences\n$/,
    );
  }, 180_000);
});
