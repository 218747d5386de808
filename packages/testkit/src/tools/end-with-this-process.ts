import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Kills each process whose number it was told with `+`, and not taken back with `-`, once its input ends. That it does
 * when the one who writes has ended, even by SIGKILL.
 */
const script = `
trap '' HUP INT TERM
told=
while read -r sign pid; do
  rest=
  for each in $told; do [ "$each" = "$pid" ] || rest="$rest $each"; done
  told=$rest
  [ "$sign" = - ] || told="$told $pid"
done
[ -z "$told" ] || kill -9 $told 2>/dev/null
`;

let watch: Socket | undefined;

/**
 * Ends a child at the latest when this process ends, however that ends. A test run that is killed, or a test that is
 * given up in the middle, leaves no daemon behind.
 */
export function endWithThisProcess(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined || process.platform === 'win32') return;
  watch ??= startWatch();
  watch.write(`+ ${pid}\n`);
  child.once('exit', () => watch?.write(`- ${pid}\n`));
}

/** In a session of its own, so that a signal for the whole group of this process does not end it first. */
function startWatch(): Socket {
  const shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  const input = shell.stdin as Socket;
  input.on('error', () => {}); // nobody watches then, and the tests go on
  input.unref();
  return input;
}
