// A process of its own that takes sessions: `taker.ts KIND FOLDER COUNT`. Begins at a line on its standard input, and
// says what it got, one subject a line.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openStore } from './open-store.ts';

const [kind = '', folder = '', count = '0'] = process.argv.slice(2);
const store = await openStore(kind, folder);

writeSync(1, 'ready\n');
await once(process.stdin, 'data');
for (let i = 0; i < Number(count); i += 1) {
  const session = await store.takeSession('docker.io/library/busybox', String(i));
  if (session !== undefined) writeSync(1, `${session.subject}\n`);
}
await store[Symbol.asyncDispose]();
process.exit();
