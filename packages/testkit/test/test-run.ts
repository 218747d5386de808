import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { endWithThisProcess } from '../src/tools/end-with-this-process.ts';

// As a test run does that is killed: one child has ended, one works, one hangs. They say so by the output they hold.
const start = () => {
  const child = spawn('sleep', ['600'], { stdio: 'inherit' });
  endWithThisProcess(child);
  return child;
};
const [ended, , hanging] = [start(), start(), start()];
hanging.kill('SIGSTOP');
ended.kill();
await once(ended, 'exit');
process.stdout.write('started\n');
