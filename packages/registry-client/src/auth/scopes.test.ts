import { describe, expect, test } from 'vitest';
import { isCovered, mergeScopes } from './scopes.ts';

describe('mergeScopes', () => {
  test.each([
    [[], []],
    [['repository:a:push,pull'], ['repository:a:push,pull']],
    [['repository:a:push,pull', 'repository:a:pull'], ['repository:a:push,pull']],
    [
      ['repository:a:pull', 'repository:b:pull', 'repository:a:delete,pull'],
      ['repository:a:pull,delete', 'repository:b:pull'],
    ],
    [['repository:a:pull', 'repository:a:pull'], ['repository:a:pull']],
    [['repository:host:5000/app:push', 'repository:host:5000/app:pull'], ['repository:host:5000/app:push,pull']],
    [
      ['repository(plugin):a:pull', 'repository:a:pull'],
      ['repository(plugin):a:pull', 'repository:a:pull'],
    ],
    [
      ['registry:catalog:*', 'openid', '', 'offline', 'openid'],
      ['registry:catalog:*', 'openid', 'offline'],
    ],
  ])('%j becomes %j', (scopes, merged) => {
    expect(mergeScopes(scopes)).toEqual(merged);
  });
});

describe('isCovered', () => {
  test.each([
    ['repository:a:pull', ['repository:a:push,pull'], true],
    ['repository:a:pull,push', ['repository:a:push', 'repository:a:pull'], true],
    ['repository:a:delete', ['repository:a:*'], true],
    ['repository:a:delete', ['repository:a:push,pull'], false],
    ['repository:ab:pull', ['repository:a:pull'], false],
    ['openid', ['openid'], true],
    ['openid', ['repository:a:pull'], false],
  ])('%s in %j: %s', (scope, scopes, covered) => {
    expect(isCovered(scope, scopes)).toBe(covered);
  });
});
