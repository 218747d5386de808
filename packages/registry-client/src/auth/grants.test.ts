import { expect, test } from 'vitest';
import { readGrants } from './grants.ts';

const token = (payload: unknown): string =>
  ['{}', JSON.stringify(payload), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');
const access = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }];

test.each<[string, string, readonly string[] | undefined]>([
  ['a token of distribution', token({ access }), ['repository:team/app:pull,push']],
  ['a token with no rights', token({ access: [] }), []],
  [
    'one right that is no right among others',
    token({ access: [...access, { type: 'x' }] }),
    ['repository:team/app:pull,push'],
  ],
  ['another JSON Web Token', token({ sub: 'me' }), undefined],
  ['null in place of its content', token(null), undefined],
  ['a token that is not for reading', 'tok-abcdef', undefined],
  ['three parts that are no JSON', 'a.b.c', undefined],
])('%s', (_, text, grants) => {
  expect(readGrants(text)).toEqual(grants);
});
