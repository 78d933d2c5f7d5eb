/**
 * Enters a wrong PIN again and again until the token is locked, and writes the failures after each
 * once they are stored: `wrong-pin-loop.ts FOLDER SERIAL PIN`.
 */
import { writeSync } from 'node:fs';
import { nodeEnv, openTokenFolder, press, Secret } from '../../../../emulator/index.ts';

const [folderPath = '', serial = '', pin = ''] = process.argv.slice(2);
const folder = openTokenFolder(folderPath, nodeEnv, { lockWaitMs: 60_000 });
for (let isLocked = false; !isLocked;) {
  const state = await folder.update(serial, (token) => {
    const pressed = press(token, 0, { devicePin: new Secret(Buffer.from(pin)) });
    return { token: pressed.token, result: pressed.token.state.pin };
  });
  isLocked = state === null || state.lock !== null;
  writeSync(1, `${state?.failures ?? 0}\n`);
}
