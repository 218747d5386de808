import { type Ping, registryProfile } from '@slipway/registry-client';

const hosted: Readonly<Record<string, string>> = {
  ecr: 'Amazon ECR',
  gar: 'Google Artifact Registry',
  acr: 'Azure Container Registry',
  ghcr: 'GitHub Container Registry',
  hub: 'Docker Hub',
  gitlab: 'GitLab',
  quay: 'Quay',
  cloudflare: 'Cloudflare',
};

/** What kinds of registries send that others do not: in their challenges, or in the name of their server. */
const signs: readonly (readonly [RegExp, string])[] = [
  [/service="?harbor-registry|\/service\/token/i, 'Harbor'],
  [/\/jwt\/auth/i, 'GitLab'],
  [/Sonatype Nexus/i, 'Sonatype Nexus'],
  [/Artifactory|jfrog/i, 'JFrog Artifactory'],
  [/azurecr\./i, 'Azure Container Registry'],
  [/\/v2\/auth|service=quay/i, 'Quay'],
  [/\/v2\/token .*container_registry/i, 'Gitea or Forgejo'],
  [/\/token\/? .*pulp|pulpcore|pulp/i, 'Pulp'],
  [/\bzot\b/i, 'zot'],
  [/\bkraken\b/i, 'Kraken'],
];

/**
 * What kind of registry it looks like: by its name, else by what it answers to a ping; `a registry of the usual kind`
 * for most.
 */
export function registryKind(registry: string, { apiVersions, details }: Ping): string {
  const { name } = registryProfile(registry);
  const known = hosted[name];
  if (known !== undefined) return known;
  const challenges = (details?.challenges ?? []).map(
    ({ parameters }) => `${parameters.get('realm') ?? ''} service=${parameters.get('service') ?? ''}`,
  );
  const texts = [...challenges, details?.server ?? ''];
  const sign = signs.find(([pattern]) => texts.some((text) => pattern.test(text)));
  if (sign !== undefined) return sign[1];
  return apiVersions.length > 0 ? 'a registry of the usual kind (distribution)' : 'an unknown kind of registry';
}
