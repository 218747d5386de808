// A process of its own with a lock: `holder.ts hold PATH [STALE_MS]` takes it, says `held`, and keeps it until its
// standard input ends; `holder.ts try PATH` says `held` or the code of the error; `holder.ts count PATH FILE TIMES`
// adds one to the number in FILE that often, and says each.
import { once } from 'node:events';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { acquireFileLock, withFileLock } from '../src/index.ts';

const [task, path = '', ...input] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);

if (task === 'hold') {
  const [staleMs] = input;
  await using lock = await acquireFileLock(path, { staleMs: staleMs === undefined ? undefined : Number(staleMs) });
  process.stdin.resume();
  say('held');
  await once(process.stdin, 'end');
  say(lock.signal.aborted ? 'lost' : 'kept');
} else if (task === 'try') {
  await withFileLock(path, { timeoutMs: 0 }, async () => say('held')).catch((error) => say(error.code));
} else {
  const [file = '', times] = input;
  for (let i = 0; i < Number(times); i += 1) {
    const count = await withFileLock(path, { timeoutMs: 60_000 }, async () => {
      const next = Number(readFileSync(file, 'utf8')) + 1;
      writeFileSync(file, String(next));
      return next;
    });
    say(String(count));
  }
}
