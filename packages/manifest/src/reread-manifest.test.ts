import { expect, test } from 'vitest';
import { buildOciManifest } from './build-manifest.ts';
import { emptyDescriptor } from './descriptor.ts';
import { defaultMaxSize } from './fields.ts';
import { mediaTypes } from './media-types.ts';
import { parseManifest } from './parse-manifest.ts';
import { rereadManifest } from './reread-manifest.ts';

test('reads what was read before, however long it is and whatever sizes it leaves out', () => {
  const annotations = { note: 'n'.repeat(defaultMaxSize) };
  const long = buildOciManifest({ config: emptyDescriptor, layers: [], annotations });
  expect(() => parseManifest(long.bytes, long.mediaType)).toThrow(
    expect.objectContaining({ code: 'ERR_MANIFEST_TOO_LARGE' }),
  );
  expect(rereadManifest(long)).toMatchObject({ kind: 'oci-manifest', annotations });
  const { mediaType, digest } = emptyDescriptor;
  const mute = { schemaVersion: 2, config: { mediaType, digest }, layers: [] };
  const bytes = new TextEncoder().encode(JSON.stringify(mute));
  expect(rereadManifest({ bytes, mediaType: mediaTypes.ociManifest })).toMatchObject({ config: { size: 0 } });
});
