import { algorithmOf, type Digest, isDigest } from '@slipway/digest';
import { isForeign, isSchema1MediaType } from '@slipway/manifest';
import type { Manifest } from '../../plan/plan-types.ts';
import { rereadManifest } from '../../plan/reread-manifest.ts';
import { registryErrorOf } from '../../upload/retry-rules.ts';

/**
 * What to do about a manifest that the registry will not take later either, though its answer sounds like it: one with
 * layers that lie elsewhere or of schema 1, which docker-registry answers with 500, or one with a digest that it cannot
 * compute.
 *
 * @returns undefined for any other answer
 * @see https://github.com/distribution/distribution/blob/v2.8.3/registry/storage/schema2manifesthandler.go#L84-L113
 */
export function refusedForGood(error: unknown, tagOrDigest: string, manifest: Manifest): string | undefined {
  const answer = registryErrorOf(error);
  if (answer === undefined) return undefined;
  const codes = new Set(answer.diagnostics.map(({ code }) => code));
  const isOtherAlgorithm = isDigest(tagOrDigest) && algorithmOf(tagOrDigest) !== 'sha256';
  if (isOtherAlgorithm && codes.has('DIGEST_INVALID')) {
    return `the registry does not know digests of ${algorithmOf(tagOrDigest)}: have the image made with sha256`;
  }
  // Of a 5xx, the registry's entries are in the message alone.
  const said = `${answer.message} ${JSON.stringify(answer.diagnostics)}`;
  if (isSchema1MediaType(manifest.mediaType) && answer.status === 500 && /unknown: unknown error/i.test(said)) {
    return (
      'the registry may take no manifests of schema 1: push another format, ' +
      'or its owner allows them (distribution 2: compatibility.schema1.enabled)'
    );
  }
  if (!/manifest[ _]blob[ _]unknown/i.test(said)) return undefined;
  if (!keptElsewhere(manifest).some((digest) => said.includes(digest))) return undefined;
  return (
    'the registry does not take layers that lie elsewhere (`urls`): ' +
    'its owner allows their addresses (distribution: validation.manifests.urls.allow)'
  );
}

function keptElsewhere({ bytes, mediaType }: Manifest): readonly Digest[] {
  const parsed = rereadManifest({ bytes, mediaType });
  const layers = 'layers' in parsed ? parsed.layers : [];
  return layers.flatMap((layer) => (isForeign(layer) ? layer.digest : []));
}
