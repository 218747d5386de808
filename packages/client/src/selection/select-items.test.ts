import type { ImageSource, SourceItem } from '@slipway/image-source';
import { formatReference, parseReference } from '@slipway/reference';
import { describe, expect, test } from 'vitest';
import { type SelectTagsOptions, selectAllTags, selectOne } from './select-items.ts';

describe('selectOne', () => {
  test('the only item goes to every destination', () => {
    const only = item('app:v1');
    const references = [parseReference('a:1'), parseReference('b:2')];
    expect(selectOne(source([only]), references)).toEqual([{ item: only, references }]);
  });

  test('of several items none is guessed, and all are listed', () => {
    expect(() => selectOne(source([item('app:v1'), item('web:v2')]), [])).toThrow(
      expect.objectContaining({
        code: 'ERR_CLIENT_SEVERAL_ITEMS',
        message: 'two.tar holds 2 images: app:v1, web:v2',
        hint: 'name one, as in docker-archive:two.tar:app:v1, or push them all with `allTags`',
      }),
    );
  });

  test('items without a name are listed by digest, and a long list is cut', () => {
    const many = Array.from({ length: 12 }, () => item());
    expect(() => selectOne(source(many), [])).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/sha256:6{12}, .* and 2 more$/) }),
    );
  });

  test('items without a name are chosen by position or digest, in words that a shell takes', () => {
    const digest = `sha256:${'6'.repeat(64)}`;
    const hintOf = (kind: ImageSource['kind'], name: string): string => {
      try {
        selectOne({ ...source([item(), item()]), kind, name }, []);
        return '';
      } catch (error) {
        return (error as { hint: string }).hint;
      }
    };
    expect(hintOf('docker-archive', 'two.tar')).toBe('name one, as in docker-archive:two.tar:@0');
    expect(hintOf('docker-archive', 'standard input')).toBe('name one, as in docker-archive:-:@0');
    expect(hintOf('oci-layout', "it's here")).toBe(String.raw`name one, as in 'oci:it'\''s here:@${digest}'`);
  });

  test('the only item with a name is meant, and the only one for the platform', () => {
    const [named, other] = [item('app:v1'), item()];
    expect(selectOne(source([other, named]), [])[0]?.item).toBe(named);
    const arm = { ...item(), platform: { os: 'linux', architecture: 'arm64' } } as SourceItem;
    const amd = { ...item(), platform: { os: 'linux', architecture: 'amd64' } } as SourceItem;
    const platform = { os: 'linux', architecture: 'arm64' };
    expect(selectOne(source([amd, arm]), [], { platform })[0]?.item).toBe(arm);
    expect(() => selectOne(source([amd, arm]), [])).toThrow('holds 2 images');
  });

  test('what comes along with an image is nothing to choose from', () => {
    const image = withManifest('a', {});
    const signature = withManifest('b', { subject: { digest: digestOf('a') } });
    const cosign = { ...withManifest('c', {}), names: [`${digestOf('a').replace(':', '-')}.sig`] } as SourceItem;
    expect(selectOne(source([signature, image, cosign]), [])[0]?.item).toBe(image);
    const index = {
      ...withManifest('d', {}),
      kind: 'index',
      children: [{ descriptor: { digest: digestOf('a') }, item: image }],
    } as unknown as SourceItem;
    expect(selectOne(source([image, index]), [])[0]?.item).toBe(index);
    expect(selectOne(source([signature]), [])[0]?.item).toBe(signature);
  });

  test('platforms without names are one index', () => {
    const whole = item() as never;
    expect(selectOne({ ...source([item(), item()]), whole }, [])[0]?.item).toBe(whole);
  });

  test('an empty source is said to be empty', () => {
    expect(() => selectOne(source([]), [])).toThrow(expect.objectContaining({ code: 'ERR_CLIENT_NO_ITEM' }));
  });
});

describe('selectAllTags', () => {
  const into = { into: true } as const;
  test.each<[string, string[], string, SelectTagsOptions, string[]]>([
    ['tags of the destination’s own name', ['me/app:v1', 'me/app:v2', 'me/web:v3'], 'me/app', {}, ['v1', 'v2']],
    ['the path in another registry', ['me/app:v1', 'other/x:v2'], '127.0.0.1:5000/me/app', {}, ['v1']],
    ['the short path of Docker Hub’s own', ['busybox:v1', 'me/x:v2'], 'ghcr.io/busybox', {}, ['v1']],
    ['the very name before the path', ['quay.io/me/app:v1', 'ghcr.io/me/app:v2'], 'ghcr.io/me/app', {}, ['v2']],
    ['all tags when that is said', ['app:v1', 'web:v2'], 'ghcr.io/me/x', into, ['v1', 'v2']],
    ['bare tags of OCI layouts', ['v1', 'v2'], 'ghcr.io/me/x', {}, ['v1', 'v2']],
    ['each tag once', ['v1', 'ghcr.io/me/x:v1'], 'ghcr.io/me/x', {}, ['v1']],
    ['tags that match', ['v1.0', 'v1.1', 'v2.0'], 'ghcr.io/me/x', { pattern: 'v1.*' }, ['v1.0', 'v1.1']],
    ['names that match', ['app:v1', 'web:v2'], 'ghcr.io/me/x', { pattern: 'web:*', into: true }, ['v2']],
  ])('%s', (_, names, destination, options, tags) => {
    const only = item(...names);
    const { selections } = selectAllTags(source([only]), [parseReference(destination)], options);
    expect(selections[0]?.item).toBe(only);
    expect(selections[0]?.references.map(({ tag }) => tag)).toEqual(tags);
  });

  test('tags of other repositories alone are refused, and the hint says what pushes them', () => {
    const names = ['demo/app:a', 'demo/app:latest', 'x:1'];
    expect(() => selectAllTags(source([item(...names)]), [parseReference('ghcr.io/other/x')])).toThrow(
      expect.objectContaining({
        code: 'ERR_CLIENT_TAGS',
        message: 'none of the tags of two.tar is one of ghcr.io/other/x: they belong to demo/app, x',
        hint: expect.stringContaining('`into`'),
      }),
    );
  });

  test('tags that no registry takes are told apart', () => {
    const helm = item('v1.0+build', 'v1.0');
    const { selections, refused } = selectAllTags(source([helm]), [parseReference('ghcr.io/me/x')]);
    expect(selections.map(({ references }) => references.map(({ tag }) => tag))).toEqual([['v1.0']]);
    expect(refused).toEqual([{ tag: 'v1.0+build', item: helm }]);
  });

  test('a pattern that nothing matches names what there is', () => {
    expect(() => selectAllTags(source([item('v1', 'v2')]), [parseReference('x')], { pattern: 'w*' })).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_NO_ITEM', hint: 'it has v1, v2' }),
    );
  });

  test('items keep their own tags, for every destination', () => {
    const { selections } = selectAllTags(
      source([item('app:v1'), item('app:v2')]),
      [parseReference('ghcr.io/x'), parseReference('quay.io/y')],
      into,
    );
    expect(selections.map(({ references }) => references.map(formatReference))).toEqual([
      ['ghcr.io/x:v1', 'quay.io/y:v1'],
      ['ghcr.io/x:v2', 'quay.io/y:v2'],
    ]);
  });

  test('one tag cannot name two images', () => {
    expect(() => selectAllTags(source([item('app:v1'), item('web:v1')]), [parseReference('x')], into)).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_TAGS', message: 'two images of two.tar have the tag v1' }),
    );
  });

  test('a source without tags is refused', () => {
    expect(() => selectAllTags(source([item()]), [parseReference('x')])).toThrow(
      expect.objectContaining({ code: 'ERR_CLIENT_NO_ITEM', hint: 'push it without `allTags`' }),
    );
  });
});

function item(...names: string[]): SourceItem {
  const digest = `sha256:${'6'.repeat(64)}`;
  return { kind: 'image', names, config: { digest }, layers: [] } as unknown as SourceItem;
}

function digestOf(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}

function withManifest(letter: string, document: object): SourceItem {
  const manifest = { digest: digestOf(letter), bytes: new TextEncoder().encode(JSON.stringify(document)) };
  return { ...item(), manifest } as unknown as SourceItem;
}

function source(items: readonly SourceItem[]): ImageSource {
  return { kind: 'docker-archive', name: 'two.tar', items, [Symbol.asyncDispose]: async () => {} };
}
