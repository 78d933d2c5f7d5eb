/**
 * For `node --import`: the process dies by SIGKILL before the n-th change that it makes on its disk
 * (STOP_AT), and writes down what it does in which order, with what it says (TRACE_TO).
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const stopAt = Number(process.env.STOP_AT ?? Infinity);
const traceTo = process.env.TRACE_TO;
// Opened before anything is replaced.
const trace = traceTo === undefined ? null : fs.openSync(traceTo, 'w');
let changes = 0;

function note(what) {
  if (trace !== null) fs.writeSync(trace, `${what}\n`);
}

function change(what) {
  changes += 1;
  if (changes === stopAt) process.kill(process.pid, 'SIGKILL');
  note(what);
}

const { promises } = fs;
for (const name of ['mkdir', 'link', 'rename', 'unlink']) {
  const real = promises[name];
  promises[name] = (...given) => {
    change(`${name} ${given.filter((each) => typeof each === 'string').join(' ')}`);
    return real(...given);
  };
}

const { open } = promises;
promises.open = async (path, flags, mode) => {
  if (flags !== 'r') change(`open ${path}`);
  const file = await open(path, flags, mode);
  for (const name of ['writeFile', 'write', 'sync']) {
    const real = file[name].bind(file);
    file[name] = (...given) => {
      change(`${name} ${path}`);
      return real(...given);
    };
  }
  return file;
};
syncBuiltinESMExports();

const say = process.stdout.write.bind(process.stdout);
process.stdout.write = (...given) => {
  note('say');
  return say(...given);
};
