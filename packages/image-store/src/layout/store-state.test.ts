import { type Digest, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { familiarString, formatReference, parseReference, withDigest } from '@slipway/reference';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReferenceStore } from './reference-store.ts';
import { StoreState } from './store-state.ts';

const digestOf = (text: string): Digest => digestBytes(new TextEncoder().encode(text));
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Three images, each with a manifest of its own and one that was made here. */
const anyManifest = fc
  .record({ image: fc.integer({ min: 0, max: 2 }), isBuilt: fc.boolean() })
  .map(({ image, isBuilt }) => ({
    descriptor: { mediaType: mediaTypes.ociManifest, digest: digestOf(`manifest ${image} ${isBuilt}`), size: 10 },
    id: digestOf(`image ${image}`),
    isBuilt,
  }));
const anyTag = fc
  .constantFrom('app:v1', 'app', 'me/app:v1', 'localhost:5000/app:v1')
  .map((name) => parseReference(name));
const anyStep = fc.oneof(
  fc.record({ do: fc.constant('tag' as const), manifest: anyManifest, tag: anyTag }),
  fc.record({ do: fc.constant('note' as const), manifest: anyManifest, tag: anyTag }),
  fc.record({ do: fc.constant('untag' as const), manifest: anyManifest, tag: anyTag }),
);

test('whatever is done, the two files say it all, and say the same', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
      const state = new StoreState();
      for (const step of steps) {
        if (step.do === 'tag') {
          state.add(step.manifest);
          state.tag(step.tag, step.manifest.descriptor.digest, '2026-01-01T00:00:00Z');
        } else if (step.do === 'note') {
          const { id } = step.manifest;
          if (state.byID(id).length > 0) state.references.addDigest(withDigest(step.tag, digestOf(`pushed ${id}`)), id);
        } else if (state.references.find(step.tag) !== undefined) state.untag(step.tag);
      }
      const read = StoreState.decode(decode(state.encodeIndex()), ReferenceStore.parse(state.references.encode()));
      expect(read.references.encode()).toBe(state.references.encode());
      expect(decode(read.encodeIndex())).toBe(decode(state.encodeIndex()));
      for (const { reference, id } of read.references.all()) {
        // Every name leads to an image that is there, and a tag to a manifest of that image.
        expect(read.byID(id).length, formatReference(reference)).toBeGreaterThan(0);
        if (reference.tag !== undefined) expect(read.tagged(reference)?.id, familiarString(reference)).toBe(id);
      }
      for (const { id } of read.manifests.values()) {
        // A manifest without a tag is kept for its image only.
        const tagged = new Set(
          [...read.references.all()].flatMap(({ reference }) => read.tagged(reference)?.descriptor.digest ?? []),
        );
        expect(read.byID(id).filter(({ descriptor }) => !tagged.has(descriptor.digest)).length).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('digests of images that are gone are forgotten', () => {
  const text = `{"Repositories":{"app":{"app@${digestOf('a')}":"${digestOf('gone')}"}}}`;
  const state = StoreState.decode(undefined, ReferenceStore.parse(text));
  expect(state.references.encode()).toBe('{"Repositories":{}}');
});
