// A process of its own that makes a book anew over and over: `folder.ts FOLDER COUNT`. Says what is committed, one key
// a line.
import { writeSync } from 'node:fs';
import { openRecordBook } from '../src/index.ts';

const [folder = '', count = '0'] = process.argv.slice(2);
const book = await openRecordBook({ folder, lockTimeoutMs: 60_000 });

for (let i = 0; i < Number(count); i += 1) {
  await book.set('n', String(i), new Uint8Array(10_000).fill(i));
  writeSync(1, `${i}\n`);
}
await book[Symbol.asyncDispose]();
