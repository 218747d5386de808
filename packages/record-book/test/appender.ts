// A process of its own that writes 20 records at a time: `appender.ts FOLDER NAME`. Does so at each line on its
// standard input, and says when they are committed.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { openRecordBook } from '../src/index.ts';

const [folder = '', name = ''] = process.argv.slice(2);
const book = await openRecordBook({ folder, lockTimeoutMs: 60_000 });

writeSync(1, 'ready\n');
for await (const round of createInterface({ input: process.stdin })) {
  const keys = Array.from({ length: 20 }, (_, i) => `${name}/${round}/${i}`);
  await Promise.all(keys.map((key) => book.set('n', key, new TextEncoder().encode(key))));
  writeSync(1, 'written\n');
}
await book[Symbol.asyncDispose]();
