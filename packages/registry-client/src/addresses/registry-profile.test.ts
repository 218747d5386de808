import { expect, test } from 'vitest';
import { registryProfile } from './registry-profile.ts';

test.each([
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'ecr', false],
  ['public.ecr.aws', 'ecr', false],
  ['europe-docker.pkg.dev', 'gar', false],
  ['gcr.io', 'gar', false],
  ['eu.gcr.io', 'gar', false],
  ['example.azurecr.io', 'acr', false],
  ['ghcr.io', 'ghcr', false],
  ['docker.io', 'hub', false],
  ['quay.io', 'quay', true],
  ['registry.gitlab.com', 'gitlab', true],
  ['registry.example:5000', 'distribution', true],
  ['127.0.0.1:5000', 'distribution', true],
  ['notgcr.io', 'distribution', true],
  ['ghcr.io.example', 'distribution', true],
])('%s is known as %s', (registry, name, takesChunks) => {
  expect(registryProfile(registry)).toMatchObject({ name, takesChunks });
});
