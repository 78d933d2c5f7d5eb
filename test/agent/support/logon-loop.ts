import { runAgent, Computer } from './world.ts';

/** Tries wrong responses until it is killed; what it slept is not waited for. */
const [state = '', trueMs = ''] = process.argv.slice(2);
const computer = new Computer();
computer.trueMs = Number(trueMs);
process.stdout.write('ready\n');
for (;;) await runAgent(computer, state, ['logon', 'jane', '--stdin'], ['471100000000']);
