// A process of its own that adds layers to a cache: `filler.ts FOLDER NAME COUNT GATHER_MS`. Says each once it is
// committed, and at the end, when all is written, `closed`.
import { writeSync } from 'node:fs';
import { openLayerCache } from '../src/index.ts';
import { addLayer } from './layers.ts';

const [folder = '', name = '', count = '0', gatherMs = '0'] = process.argv.slice(2);
const onWarning = (warning: Error): never => {
  throw warning;
};
const cache = await openLayerCache({ folder, gatherMs: Number(gatherMs), onWarning });

for (let i = 0; i < Number(count); i += 1) {
  await addLayer(cache, `${name}${i}`);
  writeSync(1, `${name}${i}\n`);
}
await cache[Symbol.asyncDispose]();
writeSync(1, 'closed\n');
