// `slow-load.ts FOLDER`: loads an image, stops in the middle of it and says `loading`, and goes on once its standard
// input ends. Says the ID of what it loaded, or the code of the error.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { type Digest, digestBytes } from '@slipway/digest';
import type { ImageSource, SourceLayer } from '@slipway/image-source';
import { openImageStore } from '../src/index.ts';

const [folder = ''] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);

const layers = [layerOf('first'), layerOf('second', true)];
const config = new TextEncoder().encode(
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
  }),
);
const source: ImageSource = {
  kind: 'docker-archive',
  name: 'slow',
  items: [
    {
      kind: 'image',
      names: ['demo/slow:1'],
      platform: { os: 'linux', architecture: 'amd64' },
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        digest: digestBytes(config),
        bytes: config,
      },
      layers,
      manifest: undefined,
    },
  ],
  async [Symbol.asyncDispose]() {},
};

await using store = await openImageStore({ folder });
const [loaded] = await store.load(source).catch((error) => [{ id: error.code }]);
say(String(loaded?.id));

function layerOf(text: string, waits = false): SourceLayer {
  const bytes = new TextEncoder().encode(text.repeat(100_000));
  const diffID: Digest = digestBytes(bytes);
  const content = {
    size: bytes.byteLength,
    async *open() {
      if (waits) {
        process.stdin.resume();
        say('loading');
        await once(process.stdin, 'end');
      }
      yield bytes;
    },
  };
  return { diffID, content, compression: 'none', descriptor: undefined };
}
