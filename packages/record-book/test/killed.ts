// A process of its own that makes a book anew, and is killed on the way: `killed.ts FOLDER STEP`. Steps are before and
// after each draft of the book and of the journal is opened, and renamed.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { openRecordBook } from '../src/index.ts';

const [folder = '', step = '0'] = process.argv.slice(2);
let stepsLeft = Number(step);

function killedAround<Args extends readonly unknown[], Result>(
  work: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    const isStep = /\/(?:book|journal)\.draft-/.test(String(args[0]));
    if (isStep) die();
    const result = await work(...args);
    if (isStep) die();
    return result;
  };
}

function die(): void {
  if (stepsLeft === 0) process.kill(process.pid, 'SIGKILL');
  stepsLeft -= 1;
}

fs.promises.open = killedAround(fs.promises.open);
fs.promises.rename = killedAround(fs.promises.rename);
syncBuiltinESMExports();

const book = await openRecordBook({ folder });
await book.set('n', 'last', new Uint8Array(1));
await book[Symbol.asyncDispose]();
