// A process of its own that writes to a store: `writer.ts KIND FOLDER NAME COUNT`. Says what is committed, one line
// each.
import { writeSync } from 'node:fs';
import type { Digest } from '@slipway/digest';
import { openStore } from './open-store.ts';

const [kind = '', folder = '', name = '', count = '0'] = process.argv.slice(2);
const store = await openStore(kind, folder);

for (let i = 0; i < Number(count); i += 1) {
  const record = {
    digest: digest(`${name}${i.toString(16).padStart(4, '0')}`),
    sourceRepository: 'docker.io/library/busybox',
  };
  await store.tagAndAdd(digest(`d${Math.floor(i / 20)}`), undefined, record);
  writeSync(1, `${record.digest}\n`); // not buffered: what is said is committed
}
await store[Symbol.asyncDispose]();

function digest(text: string): Digest {
  return `sha256:${text.padStart(64, '0')}` as Digest;
}
