import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReference } from '../src/index.ts';

// The real client parses a reference before it looks for its daemon, which here is never there.
const daemon = 'unix:///nonexistent/docker.sock';
const version = spawnSync('docker', ['--version'], { encoding: 'utf8' }).stdout ?? '';
const major = Number(/version (\d+)/.exec(version)?.[1] ?? 0);

const hex = 'a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4';

// Older clients have an older grammar and other texts.
describe.skipIf(major < 28)('docker push (skipped without docker 28 or newer)', () => {
  test.each([
    ['alpine'],
    ['Alpine'],
    ['me/app:V1'],
    ['ghcr.io/Me/app'],
    ['[::1]:5000/app'],
    ['Foo/bar'],
    [hex],
    [`a@sha256:${hex}`],
    [`a@sha256:${hex.slice(2)}`],
    [`a@sha256:${hex.toUpperCase()}`],
    [`a@md5:${hex}`],
    [`ghcr.io/${'a'.repeat(255)}`],
    [`ghcr.io/${'a'.repeat(256)}`],
    ['a'.repeat(248)],
    ['\u0130/a'],
    [''],
  ])('says the same of %j', (input) => {
    expect(ours(input)).toBe(docker(input));
  });

  // Starts the client anew for each text, which takes its time on a busy machine.
  test('says the same of whatever else is asked', { timeout: 180_000 }, () => {
    const pieces = fc.constantFrom(
      ...['a', 'b1', 'Z', 'É', '\u0130', '.', '_', '__', '-', '/', ':', '@', '[', ']', '[::1]', '80', 'localhost'],
      ...[
        'docker.io',
        'index.docker.io/',
        'ghcr.io/',
        'library',
        `sha256:${hex}`,
        ':v1',
        ':5000/',
        '/app',
        'Up/',
        'a/',
      ],
    );
    const inputs = fc.array(pieces, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(inputs, (input) => {
        expect(ours(input)).toBe(docker(input));
      }),
      { numRuns: 50 },
    );
  });
});

function ours(input: string): string {
  try {
    parseReference(input);
    return 'a reference';
  } catch (error) {
    return (error as Error).message;
  }
}

function docker(input: string): string {
  const { stderr } = spawnSync('docker', ['-H', daemon, 'push', '--all-tags', '--quiet', '--', input], {
    encoding: 'utf8',
  });
  const isParsed = /Cannot connect to the Docker daemon|tag can't be used with --all-tags/.test(stderr);
  return isParsed ? 'a reference' : stderr.trim();
}
