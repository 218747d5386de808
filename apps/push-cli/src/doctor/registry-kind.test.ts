import type { Challenge, Ping } from '@slipway/registry-client';
import { expect, test } from 'vitest';
import { registryKind } from './registry-kind.ts';

const bearer = (realm: string, service: string): Challenge => ({
  scheme: 'bearer',
  parameters: new Map([
    ['realm', realm],
    ['service', service],
  ]),
});
const basic = (realm: string): Challenge => ({ scheme: 'basic', parameters: new Map([['realm', realm]]) });

test.each<[string, string, Challenge | undefined, string]>([
  ['a name that tells', '123456789012.dkr.ecr.eu-west-1.amazonaws.com', undefined, 'Amazon ECR'],
  ['Docker Hub', 'docker.io', bearer('https://auth.docker.io/token', 'registry.docker.io'), 'Docker Hub'],
  ['Harbor', 'r.test', bearer('https://r.test/service/token', 'harbor-registry'), 'Harbor'],
  ['GitLab', 'r.test', bearer('https://gitlab.test/jwt/auth', 'container_registry'), 'GitLab'],
  ['Gitea', 'r.test', bearer('https://r.test/v2/token', 'container_registry'), 'Gitea or Forgejo'],
  ['Nexus', 'r.test', basic('Sonatype Nexus Repository Manager'), 'Sonatype Nexus'],
  ['Artifactory', 'r.test', basic('Artifactory Realm'), 'JFrog Artifactory'],
  ['distribution', 'r.test', basic('basic-realm'), 'a registry of the usual kind (distribution)'],
])('%s', (_, registry, challenge, kind) => {
  expect(registryKind(registry, ping(challenge))).toBe(kind);
});

test('without any sign it is unknown', () => {
  expect(registryKind('r.test', { status: 200, apiVersions: [] })).toBe('an unknown kind of registry');
});

function ping(challenge: Challenge | undefined): Ping {
  const challenges = challenge === undefined ? [] : [challenge];
  const details = { url: 'https://r.test/v2/', challenges, server: 'nginx', mediaType: undefined, clock: undefined };
  return { status: 401, apiVersions: ['registry/2.0'], details };
}
