import { type Digest, digestBytes } from '@slipway/digest';
import type { LayerCache } from '../src/index.ts';

export const recipe = 'gzip; level 6';

export function bytesOf(name: string): Uint8Array {
  return new TextEncoder().encode(`the layer ${name}`);
}

export function idOf(name: string): Digest {
  return digestBytes(new TextEncoder().encode(name));
}

/** Puts a layer of that name into a cache. */
export async function addLayer(cache: LayerCache, name: string): Promise<void> {
  const bytes = bytesOf(name);
  const writer = await cache.begin(idOf(name), recipe);
  if (writer === undefined) throw new Error(`The cache takes no layer ${name}`);
  await using _ = writer;
  await writer.append(bytes);
  await writer.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
}

/** Which of these layers a cache has; each is compared with what it should be. */
export async function held(cache: LayerCache, names: readonly string[]): Promise<readonly string[]> {
  const there: string[] = [];
  for (const name of names) {
    const layer = await cache.find(idOf(name), recipe);
    if (layer === undefined) continue;
    await using copy = await layer.open();
    const chunks: Uint8Array[] = [];
    for await (const chunk of copy.read()) chunks.push(chunk);
    if (Buffer.concat(chunks).compare(bytesOf(name)) !== 0) throw new Error(`The cache has something else for ${name}`);
    there.push(name);
  }
  return there;
}
