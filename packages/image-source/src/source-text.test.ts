import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSourceText } from './source-text.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('parseSourceText', () => {
  test.each([
    ['image.tar', { transport: 'path', path: 'image.tar' }],
    ['-', { transport: 'path', path: '-' }],
    ['a:b.tar', { transport: 'path', path: 'a:b.tar' }],
    ['./oci:x', { transport: 'path', path: './oci:x' }],
    ['dir:x:y', { transport: 'dir', path: 'x:y' }],
    ['C:\\images\\a.tar', { transport: 'path', path: 'C:\\images\\a.tar' }],
    ['docker-archive:a.tar', { transport: 'docker-archive', path: 'a.tar' }],
    ['docker-archive:-', { transport: 'docker-archive', path: '-' }],
    ['docker-archive:a.tar:b/c:d', { transport: 'docker-archive', path: 'a.tar', select: { reference: 'b/c:d' } }],
    ['docker-archive:a.tar:@3', { transport: 'docker-archive', path: 'a.tar', select: { position: 3 } }],
    ['docker-archive:C:\\a.tar:b', { transport: 'docker-archive', path: 'C:\\a.tar', select: { reference: 'b' } }],
    ['oci:folder', { transport: 'oci', path: 'folder' }],
    ['oci:folder:v1', { transport: 'oci', path: 'folder', select: { reference: 'v1' } }],
    ['oci:folder:ghcr.io/a/b:v1', { transport: 'oci', path: 'folder', select: { reference: 'ghcr.io/a/b:v1' } }],
    [`oci:folder@${digest}`, { transport: 'oci', path: 'folder', select: { digest } }],
    [`oci:folder:@${digest}`, { transport: 'oci', path: 'folder', select: { digest } }],
    ['oci:fol@der:v1', { transport: 'oci', path: 'fol@der', select: { reference: 'v1' } }],
    ['oci-archive:a.tar:v1', { transport: 'oci-archive', path: 'a.tar', select: { reference: 'v1' } }],
    [`oci-archive:a.tar@${digest}`, { transport: 'oci-archive', path: 'a.tar', select: { digest } }],
    ['docker-daemon:alpine:3', { transport: 'docker-daemon', reference: 'alpine:3' }],
    ['docker://ghcr.io/a/b', { transport: 'docker', reference: 'ghcr.io/a/b' }],
    ['store:alpine', { transport: 'store', reference: 'alpine' }],
  ])('%s', (text, expected) => {
    expect(parseSourceText(text)).toEqual(expected);
  });

  test.each([
    ['', 'Expected a source'],
    ['a\0b', 'zero byte'],
    ['oci:', 'lacks a path'],
    ['oci::v1', 'lacks a path'],
    ['oci:folder:', 'lacks a tag'],
    [`oci:@${digest}`, 'lacks a path'],
    ['docker-archive::x', 'lacks a path'],
    ['docker-archive:a.tar:@x', 'position'],
    ['docker-archive:a.tar:@-1', 'position'],
    ['docker-archive:a.tar:@9999999999', 'position'],
    ['docker://', 'lacks a reference'],
    ['docker-daemon:', 'lacks a reference'],
    ['store:', 'lacks a reference'],
  ])('%j is refused: %s', (text, rule) => {
    expect(() => parseSourceText(text)).toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_TEXT', message: expect.stringContaining(rule) }),
    );
  });

  test.each(['', 'docker-archive:', 'docker://', 'oci-archive:a.tar:'])(
    '%j comes with the ways to write a source',
    (text) => {
      expect(() => parseSourceText(text)).toThrow(
        expect.objectContaining({ hint: expect.stringContaining('docker-archive:PATH') }),
      );
    },
  );

  test('any other text is a path, unchanged', async () => {
    const path = fc.string({ minLength: 1 }).filter((text) => !/^[a-z-]+:|\0/.test(text));
    await fc.assert(
      fc.property(path, (text) => {
        expect(parseSourceText(text)).toEqual({ transport: 'path', path: text });
      }),
    );
  });
});
