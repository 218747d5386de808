import { buildOciManifest, emptyDescriptor } from '@slipway/manifest';
import { startRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

// A program that waits for a registry has to say so: a user ends one that is silent for a minute.
describe('each wait for a registry that answers 503 is told', () => {
  test.each([
    ['inspect', (name: string) => ['inspect', `docker://${name}`]],
    ['artifact list', (name: string) => ['artifact', 'list', name]],
    ['delete', (name: string) => ['delete', '--yes', '--dry-run', name]],
  ])('slipway %s', { timeout: 60_000 }, async (_, commandOf) => {
    await using server = await startRegistry();
    const { bytes, mediaType } = buildOciManifest({
      config: emptyDescriptor,
      layers: [emptyDescriptor],
      artifactType: 'application/x-test',
    });
    const blobs = [new TextEncoder().encode('{}')];
    await server.seed('demo/app', { blobs, manifests: [{ bytes, mediaType, tags: ['v1'] }] });
    server.misbehave({ match: { kind: ['manifest-get', 'manifest-head'] }, status: 503, times: 1 });
    const { code, stderr } = await runCli(commandOf(`${server.host}/demo/app:v1`));
    expect(stderr).toMatch(
      new RegExp(`slipway: warning: ${server.host}/demo/app: retry 1 in \\d+ s: (?:GET|HEAD) .* answered 503`),
    );
    expect(code).toBe(0);
  });
});
