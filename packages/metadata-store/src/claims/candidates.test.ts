import type { Digest } from '@slipway/digest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LayerRecord } from '../metadata-store.ts';
import { attemptLimits, existenceCandidates, mountCandidates, rankCandidates } from './candidates.ts';
import { computeHmac } from './hmac.ts';

const target = 'docker.io/library/busybox';
const ours = new TextEncoder().encode('ours');
const theirs = new TextEncoder().encode('theirs');

/** A digest one can tell at sight: `digest('1')`. */
const digest = (name: string) => `sha256:${name.padStart(64, '0')}` as Digest;

/** Records written `1 docker.io/a/b ours`: name of the digest, repository (`-` for none), whose key (`-` for none). */
function record(text: string): LayerRecord {
  const [name = '', repository = '', owner = ''] = text.split(' ');
  const place = { digest: digest(name), sourceRepository: repository === '-' ? '' : repository };
  const key = owner === 'ours' ? ours : owner === 'theirs' ? theirs : undefined;
  return { ...place, hmac: computeHmac(key, place) };
}

const namesOf = (records: readonly LayerRecord[]) => records.map((each) => each.digest.slice(-1)).join('');

describe('attemptLimits', () => {
  const small = { mounts: 1, existenceChecks: 1, otherRepositories: false };
  const middle = { mounts: 3, existenceChecks: 1, otherRepositories: false };
  const large = { mounts: 4, existenceChecks: 3, otherRepositories: true };

  test.each([
    ['an empty layer', 0, small],
    ['the largest small one', 102_400, small],
    ['the smallest middle one', 102_401, middle],
    ['the largest middle one', 10_485_760, middle],
    ['the smallest large one', 10_485_761, large],
    ['unknown', undefined, middle],
  ])('%s', (_rule, size, limits) => {
    expect(attemptLimits(size)).toEqual(limits);
  });
});

describe('rankCandidates', () => {
  test.each([
    ['newest first', ['1 docker.io/a/x -', '2 docker.io/a/y -', '3 docker.io/a/z -'], '321'],
    ['more shared components first', ['1 docker.io/library/x ours', '2 docker.io/other/x ours'], '12'],
    ['our credentials come before likeness', ['1 quay.io/a/b ours', '2 docker.io/library/busybox theirs'], '12'],
    ['likeness decides among those of others', ['1 docker.io/library/x theirs', '2 quay.io/a/b -'], '12'],
    ['no HMAC is not ours when we have a key', ['1 docker.io/a/b ours', '2 docker.io/a/b -'], '12'],
    ['components compare whole', ['1 docker.io/library/x ours', '2 docker.io/libraryx/busybox ours'], '12'],
    ['counting stops at the first difference', ['1 docker.io/a/busybox ours', '2 docker.io/a/b ours'], '21'],
    [
      'more components than the target are no closer',
      ['1 docker.io/library/busybox ours', '2 docker.io/library/busybox/x ours'],
      '21',
    ],
    ['the target itself is closest', ['1 docker.io/library/busybox ours', '2 docker.io/library/alpine ours'], '12'],
    ['no source repository shares nothing', ['1 docker.io/a/b ours', '2 - ours'], '12'],
  ])('%s', (_rule, records, expected) => {
    expect(namesOf(rankCandidates(records.map(record), { target, hmacKey: ours }))).toBe(expected);
  });

  test('without a key, records without HMAC are ours', () => {
    const records = ['1 quay.io/a/b -', '2 docker.io/library/busybox theirs'].map(record);
    expect(namesOf(rankCandidates(records, { target, hmacKey: undefined }))).toBe('12');
  });

  test('one record alone is the best, whoever signed it: its signature is not computed', () => {
    const only = record('1 docker.io/a/b ours');
    const hmacKey = new Proxy(ours, {
      get() {
        throw new Error('the key is used');
      },
    });
    expect(rankCandidates([only], { target, hmacKey })).toEqual([only]);
    expect(() => rankCandidates([only, only], { target, hmacKey })).toThrow('the key is used');
  });

  test('the list given is left as it is, and nothing is lost', () => {
    const anyRecord = fc
      .tuple(
        fc.constantFrom(...'12345'),
        fc.constantFrom(target, 'docker.io/a/b', 'quay.io/a', '-'),
        fc.constantFrom('ours', 'theirs', '-'),
      )
      .map((parts) => record(parts.join(' ')));
    fc.assert(
      fc.property(fc.array(anyRecord), (records) => {
        const before = structuredClone(records);
        const ranked = rankCandidates(records, { target, hmacKey: ours });
        expect(records).toEqual(before);
        expect(new Set(ranked)).toEqual(new Set(records));
        expect(ranked).toHaveLength(records.length);
      }),
    );
  });
});

describe('mountCandidates', () => {
  test.each([
    ['the same registry only', ['1 docker.io/a/b ours', '2 quay.io/a/b ours'], 4, '1'],
    ['not the target', ['1 docker.io/library/busybox ours', '2 docker.io/a/b ours'], 4, '2'],
    ['not without a source repository', ['1 - ours', '2 docker.io/a/b ours'], 4, '2'],
    ['not in familiar form', ['1 library/alpine ours', '2 alpine ours', '3 docker.io/alpine ours'], 4, ''],
    ['not malformed', ['1 docker.io/A/b ours', '2 docker.io/a//b ours', '3 docker.io/a/.. ours'], 4, ''],
    ['best first', ['1 docker.io/library/x ours', '2 docker.io/a/b ours', '3 docker.io/library/y theirs'], 4, '123'],
    ['cut after ranking', ['1 docker.io/library/x ours', '2 docker.io/a/b ours', '3 docker.io/a/c ours'], 2, '13'],
    ['none wanted', ['1 docker.io/a/b ours'], 0, ''],
    ['all wanted', ['1 docker.io/a/b ours', '2 docker.io/a/c ours'], -1, '21'],
    ['the same digest may be tried from two places', ['1 docker.io/a/b ours', '1 docker.io/a/c ours'], 4, '11'],
  ])('%s', (_rule, records, max, expected) => {
    expect(namesOf(mountCandidates(records.map(record), { target, hmacKey: ours, max }))).toBe(expected);
  });
});

describe('existenceCandidates', () => {
  const elsewhere = '1 docker.io/a/b ours';
  const here = '2 docker.io/library/busybox theirs';
  const nowhere = '3 - theirs';

  test.each([
    ['other repositories too', [elsewhere, here, nowhere], { max: 9, otherRepositories: true }, '123'],
    ['the target, and what has no source', [elsewhere, here, nowhere], { max: 9, otherRepositories: false }, '23'],
    ['cut after ranking', [here, elsewhere], { max: 1, otherRepositories: true }, '1'],
    ['none wanted', [here], { max: 0, otherRepositories: true }, ''],
    ['fewer than none wanted', [here, elsewhere], { max: -1, otherRepositories: true }, ''],
    [
      'what was checked does not count',
      [elsewhere, here],
      { max: 1, otherRepositories: true, checked: new Set([digest('1')]) },
      '2',
    ],
  ])('%s', (_rule, records, options, expected) => {
    expect(namesOf(existenceCandidates(records.map(record), { target, hmacKey: ours, ...options }))).toBe(expected);
  });

  test('the best record stands for its digest', () => {
    const records = ['1 docker.io/a/b theirs', '1 docker.io/library/busybox ours', '1 quay.io/x theirs'].map(record);
    const options = { target, hmacKey: ours, max: 3, otherRepositories: true };
    expect(existenceCandidates(records, options)).toEqual([record('1 docker.io/library/busybox ours')]);
  });
});
