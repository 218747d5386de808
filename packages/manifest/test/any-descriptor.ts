import type { Digest } from '@slipway/digest';
import fc from 'fast-check';
import type { Descriptor } from '../src/index.ts';

const texts: fc.Arbitrary<readonly string[]> = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 });

/** Every descriptor with something in each member it has, which is what survives Go's `omitempty`. */
export const anyDescriptor: fc.Arbitrary<Descriptor> = fc.record(
  {
    mediaType: fc.stringMatching(/^application\/[a-z]{1,8}(\+(gzip|zstd))?$/),
    digest: fc.stringMatching(/^[a-f0-9]{64}$/).map((hex) => `sha256:${hex}` as Digest),
    size: fc.maxSafeNat(),
    urls: texts,
    annotations: fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), {
      minKeys: 1,
      noNullPrototype: true,
    }),
    platform: fc.record(
      {
        architecture: fc.constantFrom('amd64', 'arm64'),
        os: fc.constantFrom('linux', 'windows'),
        variant: fc.constantFrom('v7', 'v8'),
        'os.version': fc.constant('10.0.20348.2227'),
        'os.features': texts,
      },
      { requiredKeys: ['architecture', 'os'] },
    ),
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);
