// `worker.ts FOLDER NAME ROUNDS ARCHIVE...`: loads, tags and deletes in turn, and says each step before it takes it.
import { openSource } from '@slipway/image-source';
import { parseReference } from '@slipway/reference';
import { openImageStore } from '../src/index.ts';

const [folder = '', name = '', rounds = '', ...archives] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const store = await openImageStore({ folder, lockTimeoutMs: 60_000 });
for (let round = 0; round < Number(rounds); round += 1) {
  for (const archive of archives) {
    say(`load ${archive}`);
    const source = await openSource(archive);
    const [loaded] = await store.load(source, { onProgress: ({ type }) => say(type) });
    await source[Symbol.asyncDispose]();
    say('tag');
    const [tag = ''] = loaded?.tags ?? [];
    await store.tag(tag, parseReference(`${name}/${round}`));
    say('delete');
    await store.delete(tag);
  }
  await store.collectGarbage({ graceMs: 0 });
  if (round > 0) await store.delete(`${name}/${round - 1}`);
}
say('done');
