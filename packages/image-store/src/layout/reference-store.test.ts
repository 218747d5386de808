import { type Digest, digestBytes } from '@slipway/digest';
import { formatReference, parseReference, withDigest } from '@slipway/reference';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReferenceStore } from './reference-store.ts';

const golden =
  '{"Repositories":{"busybox":{"busybox:latest":"sha256:91e54dfb11794fad694460162bf0cb0a4fa710cfa3f60979c177d920813e267c"},"jess/hollywood":{"jess/hollywood:latest":"sha256:ae7a5519a0a55a2d4ef20ddcbd5d0ca0888a1f7ab806acc8e2a27baf46f529fe"},"registry":{"registry@sha256:367eb40fd0330a7e464777121e39d2f5b3e8e23a1e159342e53ab05c9e4d94e6":"sha256:24126a56805beb9711be5f4590cc2eb55ab8d4a85ebd618eed72bb19fc50631c"},"registry:5000/foobar":{"registry:5000/foobar:HEAD":"sha256:470022b8af682154f57a2163d030eb369549549cba00edc69e1b99b46bb924d6","registry:5000/foobar:alternate":"sha256:ae300ebc4a4f00693702cfb0a5e0b7bc527b353828dc86ad09fb95c8a681b793","registry:5000/foobar:latest":"sha256:6153498b9ac00968d71b66cca4eac37e990b5f9eb50c26877eb8799c8847451b","registry:5000/foobar:master":"sha256:6c9917af4c4e05001b346421959d7ea81b6dc9d25718466a37a6add865dfd7fc"}}}';

const idOf = (text: string): Digest => digestBytes(new TextEncoder().encode(text));
const one = idOf('one');
const two = idOf('two');
const digested = (name: string, digest = idOf('manifest')): ReturnType<typeof parseReference> =>
  withDigest(parseReference(name), digest);

describe('the file', () => {
  test('Docker’s golden file is read and written byte for byte', () => {
    expect(ReferenceStore.parse(golden).encode()).toBe(golden);
  });

  test('it is the same in whatever order references came', () => {
    const parts = [...ReferenceStore.parse(golden).all()];
    fc.assert(
      fc.property(fc.shuffledSubarray(parts, { minLength: parts.length }), (order) => {
        const store = new ReferenceStore();
        for (const { reference, id } of order) {
          if (reference.digest === undefined) store.addTag(reference, id);
          else store.addDigest(reference, id);
        }
        expect(store.encode()).toBe(golden);
      }),
    );
  });

  test.each([
    ['nothing yet', '{}', '{"Repositories":{}}'],
    ['null', 'null', '{"Repositories":{}}'],
    ['no references', '{"Repositories":{"a":{"UPPER:":"x","a:b":"no digest"},"c":null}}', '{"Repositories":{}}'],
  ])('%s is an empty store', (_, text, written) => {
    expect(ReferenceStore.parse(text).encode()).toBe(written);
  });
});

describe('names', () => {
  test('a name without a tag is stored and found as latest', () => {
    const store = new ReferenceStore();
    store.addTag(parseReference('app'), one);
    store.addTag(parseReference('app'), one);
    expect(store.get(parseReference('app:latest'))).toBe(one);
    expect(store.encode()).toBe(`{"Repositories":{"app":{"app:latest":"${one}"}}}`);
  });

  test('a tag moves only by force', () => {
    const store = new ReferenceStore();
    store.addTag(parseReference('me/app:v1'), one);
    expect(() => store.addTag(parseReference('me/app:v1'), two)).toThrow(
      expect.objectContaining({
        code: 'ERR_IMAGE_STORE_CONFLICT',
        message: `tag me/app:v1 is already set to image ${one}, use the force option to replace it`,
      }),
    );
    store.addTag(parseReference('me/app:v1'), two, { force: true });
    expect(store.get(parseReference('me/app:v1'))).toBe(two);
  });

  test('a digest never moves, and is found with or without a tag', () => {
    const store = new ReferenceStore();
    store.addDigest(digested('app:v1'), one);
    store.addDigest(digested('app'), one);
    expect(store.get(digested('app:other'))).toBe(one);
    expect(() => store.addDigest(digested('app'), two)).toThrow(
      expect.objectContaining({
        code: 'ERR_IMAGE_STORE_CONFLICT',
        message: `cannot overwrite digest ${idOf('manifest')}`,
      }),
    );
  });

  test.each([
    ['a digest as a tag', digested('app'), 'refusing to create a tag with a digest reference'],
    [
      'the name of an algorithm',
      parseReference('sha256:abc'),
      'refusing to create an ambiguous tag using digest algorithm as name',
    ],
  ])('%s is refused', (_, reference, message) => {
    const refused = expect.objectContaining({ code: 'ERR_IMAGE_STORE_REFERENCE', message });
    expect(() => new ReferenceStore().addTag(reference, one)).toThrow(refused);
  });

  test('addDigest wants a digest', () => {
    expect(() => new ReferenceStore().addDigest(parseReference('app'), one)).toThrow(TypeError);
  });

  test('what is not there is said in docker’s words', () => {
    const store = new ReferenceStore();
    const absent = expect.objectContaining({
      code: 'ERR_IMAGE_STORE_NOT_FOUND',
      message: 'reference does not exist',
    });
    expect(() => store.get(parseReference('app'))).toThrow(absent);
    expect(() => store.delete(parseReference('app'))).toThrow(absent);
  });

  test('an emptied repository is gone', () => {
    const store = new ReferenceStore();
    store.addTag(parseReference('app'), one);
    store.delete(parseReference('app'));
    expect(store.encode()).toBe('{"Repositories":{}}');
  });

  test('lists are sorted by the full text', () => {
    const store = new ReferenceStore();
    for (const name of [
      'username/repo1:latest',
      'username/repo1:old',
      'username/repo:latest',
      'username/repo1:alias',
    ]) {
      store.addTag(parseReference(name), one);
    }
    expect(store.references(one).map(formatReference)).toEqual([
      'docker.io/username/repo1:alias',
      'docker.io/username/repo1:latest',
      'docker.io/username/repo1:old',
      'docker.io/username/repo:latest',
    ]);
    const tags = store.referencesByName(parseReference('username/repo1')).map(({ reference }) => reference.tag);
    expect(tags).toEqual(['alias', 'latest', 'old']);
    expect(store.referencesByName(parseReference('none'))).toEqual([]);
  });
});
