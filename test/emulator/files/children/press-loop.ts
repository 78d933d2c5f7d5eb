/**
 * Presses a token again and again and writes each counter after it is stored:
 * `press-loop.ts FOLDER SERIAL TIMES`.
 */
import { writeSync } from 'node:fs';
import { nodeEnv, openTokenFolder, press } from '../../../../emulator/index.ts';

const [folderPath = '', serial = '', times = '0'] = process.argv.slice(2);
const folder = openTokenFolder(folderPath, nodeEnv, { lockWaitMs: 60_000 });
for (let count = 0; count < Number(times); count += 1) {
  const counter = await folder.update(serial, (token) => {
    const pressed = press(token, 0);
    if (!pressed.ok) throw new Error(pressed.refusal.code);
    return { token: pressed.token, result: pressed.generated?.eventCounter };
  });
  // Synchronous, so that a line is out before the next press begins, whenever the kill comes.
  writeSync(1, `${String(counter)}\n`);
}
