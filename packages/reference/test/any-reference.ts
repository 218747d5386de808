import type { Digest } from '@slipway/digest-value';
import fc from 'fast-check';
import type { Reference } from '../src/index.ts';

const component: fc.Arbitrary<string> = fc
  .tuple(
    fc.stringMatching(/^[a-z0-9]{1,6}$/),
    fc.array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '---'), fc.stringMatching(/^[a-z0-9]{1,4}$/)), {
      maxLength: 2,
    }),
  )
  .map(([first, more]) => first + more.flat().join(''));

const registry: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('docker.io', 'localhost', 'localhost:5000', 'ghcr.io', '127.0.0.1:5000', '[::1]:5000', 'Upper'),
  fc.stringMatching(/^[a-zA-Z0-9]{1,8}\.[a-z]{2,3}(:[0-9]{1,5})?$/),
);

const digest: fc.Arbitrary<Digest> = fc.stringMatching(/^[a-f0-9]{64}$/).map((hex) => `sha256:${hex}` as Digest);

/** Every reference that a user can name. */
export const anyReference: fc.Arbitrary<Reference> = fc
  .record({
    registry,
    components: fc.array(component, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/), { nil: undefined }),
    digest: fc.option(digest, { nil: undefined }),
  })
  .map(({ components, ...rest }) => {
    const isShort = rest.registry === 'docker.io' && components.length === 1;
    return { ...rest, repository: (isShort ? ['library', ...components] : components).join('/') };
  });
