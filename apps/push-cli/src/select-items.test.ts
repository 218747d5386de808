import type { ImageSource, SourceItem } from '@slipway/image-source';
import { formatReference, parseReference } from '@slipway/reference';
import { describe, expect, test } from 'vitest';
import { selectAllTags, selectOne } from './select-items.ts';

describe('selectOne', () => {
  test('the only item goes to every destination', () => {
    const only = item('app:v1');
    const references = [parseReference('a:1'), parseReference('b:2')];
    expect(selectOne(source([only]), references)).toEqual([{ item: only, references }]);
  });

  test('of several items none is guessed, and all are listed', () => {
    expect(() => selectOne(source([item('app:v1'), item('web:v2')]), [])).toThrow(
      expect.objectContaining({
        code: 'ERR_CLI_SEVERAL_ITEMS',
        message: 'two.tar holds 2 images: app:v1, web:v2',
        hint: 'name one, as in docker-archive:two.tar:app:v1, or push them all with --all-tags',
      }),
    );
  });

  test('items without a name are listed by digest, and a long list is cut', () => {
    const many = Array.from({ length: 12 }, () => item());
    expect(() => selectOne(source(many), [])).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/sha256:6{12}, .* and 2 more$/) }),
    );
  });

  test('an empty source is said to be empty', () => {
    expect(() => selectOne(source([]), [])).toThrow(expect.objectContaining({ code: 'ERR_CLI_NO_ITEM' }));
  });
});

describe('selectAllTags', () => {
  test.each([
    ['tags of the destination’s own name', ['me/app:v1', 'me/app:v2', 'me/web:v3'], 'me/app', ['v1', 'v2']],
    ['all tags where no name is the destination’s', ['app:v1', 'web:v2'], 'ghcr.io/me/x', ['v1', 'v2']],
    ['bare tags of OCI layouts', ['v1', 'v2'], 'ghcr.io/me/x', ['v1', 'v2']],
    ['each tag once', ['v1', 'app:v1'], 'ghcr.io/me/x', ['v1']],
  ])('%s', (_, names, destination, tags) => {
    const only = item(...names);
    const [selection] = selectAllTags(source([only]), [parseReference(destination)]);
    expect(selection?.item).toBe(only);
    expect(selection?.references.map(({ tag }) => tag)).toEqual(tags);
  });

  test('items keep their own tags, for every destination', () => {
    const selections = selectAllTags(source([item('app:v1'), item('app:v2')]), [
      parseReference('ghcr.io/x'),
      parseReference('quay.io/y'),
    ]);
    expect(selections.map(({ references }) => references.map(formatReference))).toEqual([
      ['ghcr.io/x:v1', 'quay.io/y:v1'],
      ['ghcr.io/x:v2', 'quay.io/y:v2'],
    ]);
  });

  test('one tag cannot name two images', () => {
    expect(() => selectAllTags(source([item('app:v1'), item('web:v1')]), [parseReference('x')])).toThrow(
      expect.objectContaining({ code: 'ERR_CLI_USAGE', message: 'two images of two.tar have the tag v1' }),
    );
  });

  test('a source without tags is refused', () => {
    expect(() => selectAllTags(source([item()]), [parseReference('x')])).toThrow(
      expect.objectContaining({ code: 'ERR_CLI_NO_ITEM', hint: 'push it without --all-tags' }),
    );
  });
});

function item(...names: string[]): SourceItem {
  const digest = `sha256:${'6'.repeat(64)}`;
  return { kind: 'image', names, config: { digest }, layers: [] } as unknown as SourceItem;
}

function source(items: readonly SourceItem[]): ImageSource {
  return { kind: 'docker-archive', name: 'two.tar', items, [Symbol.asyncDispose]: async () => {} };
}
