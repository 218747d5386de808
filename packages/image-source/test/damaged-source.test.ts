import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSource } from '../src/open-source.ts';
import { describe as described, dockerArchiveOf, indexOf, ociArchiveOf, soundOci, types } from './handmade-image.ts';
import { bytesOf } from './read-content.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const { layer, config, manifest } = soundOci();

// JSON that is wrong somewhere finds more than bytes that are wrong anywhere: most of those break a checksum.
const anyJson = fc.jsonValue({ maxDepth: 3 });
const path = fc.array(
  fc.constantFrom(
    '0',
    'Config',
    'Layers',
    'RepoTags',
    'LayerSources',
    'rootfs',
    'history',
    'diff_ids',
    'manifests',
    'config',
    'layers',
    'digest',
    'size',
    'mediaType',
    'annotations',
    'platform',
    'urls',
  ),
  { minLength: 1, maxLength: 4 },
);
const change = fc.tuple(path, anyJson);

function changed(document: unknown, [keys, value]: readonly [readonly string[], unknown]): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  const at = typeof document === 'object' && document !== null ? (document as Record<string, unknown>)[key] : undefined;
  const inner = changed(at, [rest, value]);
  return Array.isArray(document)
    ? Object.assign([...document], { [key]: inner })
    : { ...(document as object), [key]: inner };
}

async function openAndRead(bytes: Buffer): Promise<void> {
  const file = join(folder(), 'a.tar');
  await writeFile(file, bytes);
  try {
    await using source = await openSource(file, { spoolFolder: folder() });
    for (const item of source.items) {
      if (item.kind === 'image') for (const { content } of item.layers) if (content) await bytesOf(content);
      if (item.kind === 'artifact') for (const { content } of item.blobs) await bytesOf(content);
    }
  } catch (error) {
    expect(error).toMatchObject({ name: 'SourceError', origin: 'source' });
  }
}

test('a docker archive whose documents are wrong anywhere is opened or refused, never anything else', async () => {
  const sound = { manifest: [{ Config: 'c.json', RepoTags: ['a:b'], Layers: ['l/layer.tar'], LayerSources: {} }] };
  const spoiled = fc.record({ manifest: change, config: change, which: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(spoiled, async ({ manifest: first, config: second, which }) => {
      const changes = which
        ? { manifest: changed(sound.manifest, first) }
        : { config: changed(JSON.parse(String(config.bytes)), second) };
      await openAndRead(dockerArchiveOf(changes));
    }),
    { numRuns: 300 },
  );
});

test('an OCI archive whose index is wrong anywhere is opened or refused, never anything else', async () => {
  const sound = indexOf(described(manifest, types.manifest));
  await fc.assert(
    fc.asyncProperty(change, async (spoiled) => {
      await openAndRead(ociArchiveOf(changed(sound, spoiled), layer, config, manifest));
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['docker', dockerArchiveOf()],
  ['OCI', ociArchiveOf(indexOf(described(manifest, types.manifest)), layer, config, manifest)],
  ['compressed', gzipSync(dockerArchiveOf())],
])('a %s archive with damaged bytes or a missing end is opened or refused, never anything else', async (_, whole) => {
  const damage = fc.array(fc.tuple(fc.nat({ max: whole.byteLength - 1 }), fc.nat({ max: 255 })), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(damage, fc.nat({ max: whole.byteLength }), async (changes, cut) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      await openAndRead(changes.length > 0 ? bytes : bytes.subarray(0, cut));
    }),
    { numRuns: 150 },
  );
});
