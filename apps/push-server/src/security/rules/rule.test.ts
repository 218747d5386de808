import { describe, expect, test } from 'vitest';
import { claimValues } from '../oidc/claims.ts';
import { formatScope } from '../scope.ts';
import { certificateFields, certificateIdentity } from './certificate-identity.ts';
import { parseRule, scopesByRules } from './rule.ts';

/** What a rule makes of claims. */
const made = (document: unknown, claims: Readonly<Record<string, unknown>>): readonly string[] =>
  scopesByRules([parseRule(document)], (name) => claimValues(claims, name)).map(formatScope);

describe('a rule', () => {
  // Tokens as GitHub Actions, GitLab and Kubernetes make them.
  const github = { repository: 'Acme/App', repository_owner: 'Acme', ref: 'refs/heads/main', run_attempt: 2 };
  const gitlab = { project_path: 'group/sub/proj', ref_protected: 'true', groups: ['group', 'ops', 'Evil*'] };
  const kubernetes = {
    sub: 'system:serviceaccount:builds:ci',
    'kubernetes.io': { namespace: 'builds', serviceaccount: { name: 'ci' } },
  };
  test.each<[string, unknown, object, readonly string[]]>([
    [
      'a value',
      { when: { repository: 'Acme/*' }, scopes: 'push:ghcr.io/{repository}' },
      github,
      ['push:ghcr.io/acme/app'],
    ],
    ['all conditions', { when: { repository: 'Acme/*', ref: 'refs/tags/**' }, scopes: ['load'] }, github, []],
    [
      'one of several patterns',
      { when: { ref: ['refs/tags/**', 'refs/heads/main'] }, scopes: ['load'] },
      github,
      ['load'],
    ],
    ['a number', { when: { run_attempt: '2' }, scopes: ['load'] }, github, ['load']],
    ['a star within a segment', { when: { project_path: 'group/*' }, scopes: ['load'] }, gitlab, []],
    ['stars across segments', { when: { project_path: 'group/**' }, scopes: ['load'] }, gitlab, ['load']],
    [
      'each value of a list, but for those that could widen it',
      { when: { groups: 'ops' }, scopes: ['push:r.example/{groups}/**'] },
      gitlab,
      ['push:r.example/group/**', 'push:r.example/ops/**'],
    ],
    ['a path', { when: { '/kubernetes.io/namespace': 'builds' }, scopes: ['jobs'] }, kubernetes, ['jobs']],
    [
      'several values',
      { when: { sub: '**' }, scopes: ['push:r/{/kubernetes.io/namespace}/{/kubernetes.io/serviceaccount/name}'] },
      kubernetes,
      ['push:r/builds/ci'],
    ],
    ['a claim that is absent', { when: { sub: '**' }, scopes: ['push:r/{nothing}'] }, kubernetes, []],
    ['what every object has', { when: { constructor: '**' }, scopes: ['admin'] }, kubernetes, []],
    ['a path into a text', { when: { '/sub/length': '**' }, scopes: ['admin'] }, kubernetes, []],
    ['an upper case letter', { when: { repository: 'acme/*' }, scopes: ['admin'] }, github, []],
  ])('by %s', (_name, document, claims, scopes) => {
    expect(made(document, claims as Record<string, unknown>)).toEqual(scopes);
  });

  test.each([
    '',
    '*',
    '**',
    'a/**',
    '../b',
    'a..b/../c',
    'a//b',
    '/a',
    'a/',
    'a b',
    'a:b',
    'ä',
    'x'.repeat(201),
    'a{b}',
  ])('makes no scope of the value %j', (repository) => {
    const scopes = ['push:ghcr.io/{repository}/**'];
    expect(made({ when: { other: 'x' }, scopes }, { other: 'x', repository })).toEqual([]);
  });

  test('values without end are no scopes without end', () => {
    const groups = Array.from({ length: 5_000 }, (_, at) => `g${at}`);
    expect(made({ when: { groups: '**' }, scopes: ['push:r/{groups}/{groups}x'] }, { groups })).toHaveLength(100);
  });

  test.each<[unknown, string]>([
    [[], 'a rule has to be a JSON object'],
    [{ scopes: ['load'] }, '"when" has to be a JSON object'],
    [{ when: {}, scopes: ['load'] }, 'without one, a rule fits everybody'],
    [{ when: { sub: [] }, scopes: ['load'] }, '"sub" has to be a text, or a list of texts'],
    [{ when: { sub: 1 }, scopes: ['load'] }, '"sub" has to be a text, or a list of texts'],
    [{ when: { sub: 'x' } }, '"scopes" has to be a text'],
    [{ when: { sub: 'x' }, scopes: ['pull:a/b'] }, '"pull:a/b" is no scope'],
    [{ when: { sub: 'x' }, scopes: ['push:{repository}'] }, 'is no scope'],
    [{ when: { sub: 'x' }, scopes: ['load'], unless: {} }, 'and no "unless"'],
  ])('%j is refused: %s', (document, fault) => {
    expect(() => parseRule(document)).toThrow(fault);
  });

  test('for certificates asks for what these have', () => {
    const fields = certificateFields;
    expect(() => parseRule({ when: { subject: 'x' }, scopes: ['load'] }, fields)).toThrow('there is no "subject"');
    expect(() => parseRule({ when: { cn: 'x' }, scopes: ['push:r/{team}'] }, fields)).toThrow('there is no "team"');
  });
});

describe('a client certificate', () => {
  const fingerprint256 = 'AB:CD';
  const of = (subject: object, subjectaltname?: string) =>
    certificateIdentity({ subject, subjectaltname, fingerprint256 } as never);
  test.each<[string, object, string | undefined, string]>([
    ['its common name', { CN: 'ci', O: 'acme' }, 'DNS:ci.example', 'ci'],
    ['its first alternative name', {}, 'DNS:a.example, URI:spiffe://x/ci', 'spiffe://x/ci'],
    ['its fingerprint where it has none', {}, undefined, 'AB:CD'],
    ['its fingerprint where its name cannot be written', { CN: 'ci\nadmin' }, undefined, 'AB:CD'],
  ])('is called by %s', (_name, subject, alternatives, name) => {
    expect(of(subject, alternatives).name).toBe(name);
  });

  test('has the alternative names that it has, and none that stands within another', () => {
    const { valuesOf } = of(
      { OU: ['a', 'b'] },
      'DNS:"a.example, URI:spiffe://evil/admin", email:ci@acme.example, URI:spiffe://x/ci, IP Address:127.0.0.1',
    );
    expect(valuesOf('ou')).toEqual(['a', 'b']);
    expect(valuesOf('dns')).toEqual(['a.example, URI:spiffe://evil/admin']);
    expect(valuesOf('uri')).toEqual(['spiffe://x/ci']);
    expect(valuesOf('email')).toEqual(['ci@acme.example']);
    expect(valuesOf('cn')).toEqual([]);
    expect(valuesOf('toString')).toEqual([]);
  });
});
