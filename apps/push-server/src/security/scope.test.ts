import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Action, formatScope, isAllowed, matchesPattern, parseScope } from './scope.ts';

describe('a pattern', () => {
  test.each([
    ['ghcr.io/team/*', 'ghcr.io/team/app', true],
    ['ghcr.io/team/*', 'ghcr.io/team/sub/app', false],
    ['ghcr.io/team/*', 'ghcr.io/teams/app', false],
    ['ghcr.io/team/**', 'ghcr.io/team/sub/app', true],
    ['ghcr.io/**/app', 'ghcr.io/a/b/app', true],
    ['ghcr.io/**/app', 'ghcr.io/a/b/apps', false],
    ['ghcr.io/**/x-*', 'ghcr.io/a/x-1/x-2', true],
    ['ghcr.io/**/x-*', 'ghcr.io/a/x-1/y', false],
    ['*/team/app', 'evil.example/team/app', true],
    ['docker.io/library/busybox', 'docker.io/library/busybox', true],
    ['docker.io/library/busybox', 'docker.io/library/busybox2', false],
    ['127.0.0.1:5000/a*', '127.0.0.1:5000/', false],
    ['127.0.0.1:5000/a*', '127.0.0.1:5000/a', true],
  ])('%s, %s: %s', (pattern, name, fits) => {
    expect(matchesPattern(pattern, name)).toBe(fits);
  });

  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 12 });

  test('fits what the same pattern as a regular expression fits', () =>
    fc.assert(
      fc.property(text, text, (pattern, name) => {
        const source = pattern.replace(/\*\*|\*/g, (star) => (star === '**' ? '.*' : '[^/]*'));
        expect(matchesPattern(pattern, name)).toBe(new RegExp(`^${source}$`).test(name));
      }),
      { numRuns: 3_000 },
    ));
});

test.each(['admin', 'load', 'load:ghcr.io/team/*', 'push:ghcr.io/**'])('%s is read and written as it is', (scope) => {
  expect(formatScope(parseScope(scope))).toBe(scope);
});

test.each(['load:', 'load:nothing', 'push', 'look', 'load:A/B', 'push:ghcr.io/team/*\n'])('%j is no scope', (scope) => {
  expect(() => parseScope(scope)).toThrow('is no scope');
});

describe('who may do what', () => {
  const push: Action = { kind: 'push', repository: 'ghcr.io/team/app' };
  test.each<[string, Action, boolean]>([
    ['admin', push, true],
    ['admin', { kind: 'admin' }, true],
    ['load', { kind: 'load' }, true],
    ['load', { kind: 'read' }, true],
    ['load', push, false],
    ['load', { kind: 'admin' }, false],
    ['push:ghcr.io/team/*', push, true],
    ['push:ghcr.io/team/*', { kind: 'push', repository: 'ghcr.io/other/app' }, false],
    ['push:ghcr.io/team/*', { kind: 'load' }, false],
    ['push:ghcr.io/team/*', { kind: 'tag', repository: 'ghcr.io/team/app' }, true],
    ['push:ghcr.io/team/*', { kind: 'tag', repository: 'docker.io/library/app' }, false],
    ['push:ghcr.io/team/*', { kind: 'login', registry: 'ghcr.io' }, true],
    ['push:ghcr.io/team/*', { kind: 'login', registry: 'quay.io' }, false],
    ['load', { kind: 'login', registry: 'ghcr.io' }, false],
  ])('%s, %j: %s', (scope, action, allowed) => {
    expect(isAllowed([parseScope(scope)], action)).toBe(allowed);
  });

  test.each(['', 'root', 'push:', 'push:app', 'push:Ghcr.io/x', 'push:a/b c', 'LOAD'])('%j is no scope', (scope) => {
    expect(() => parseScope(scope)).toThrow(expect.objectContaining({ code: 'ERR_SERVER_TOKEN' }));
  });

  test.each(['admin', 'load', 'push:ghcr.io/team/**'])('%s is written as it is read', (scope) => {
    expect(formatScope(parseScope(scope))).toBe(scope);
  });
});
