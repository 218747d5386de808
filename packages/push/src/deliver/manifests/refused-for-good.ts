import { algorithmOf, isDigest } from '@slipway/digest';
import {
  type Descriptor,
  isForeign,
  isNondistributableMediaType,
  isSchema1MediaType,
  rereadManifest,
} from '@slipway/manifest';
import type { Manifest } from '../../plan/plan-types.ts';
import { destinationErrorOf } from '../../upload/retry-rules.ts';

/**
 * What to do about a manifest that the registry will not take later either, though its answer sounds like it: one with
 * layers that lie elsewhere, or are said to, or of schema 1, which docker-registry answers with 500, or one with a
 * digest that it cannot compute.
 *
 * @returns undefined for any other answer
 * @see https://github.com/distribution/distribution/blob/v2.8.3/registry/storage/schema2manifesthandler.go#L84-L113
 */
export function refusedForGood(error: unknown, tagOrDigest: string, manifest: Manifest): string | undefined {
  const answer = destinationErrorOf(error);
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
  const named = layersOf(manifest).filter(({ digest }) => said.includes(digest));
  if (named.some(isForeign)) {
    return (
      'the registry does not take layers that lie elsewhere (`urls`): ' +
      'its owner allows their addresses (distribution: validation.manifests.urls.allow)'
    );
  }
  // What it really lacks is a 404; this one it has, and does not look for.
  if (answer.status === 500 && named.some(({ mediaType }) => isNondistributableMediaType(mediaType))) {
    return (
      'the registry takes layers of a foreign type only with the addresses where they lie (`urls`), and this one has ' +
      'none: push it in the OCI format'
    );
  }
  return undefined;
}

function layersOf({ bytes, mediaType }: Manifest): readonly Descriptor[] {
  const parsed = rereadManifest({ bytes, mediaType });
  return 'layers' in parsed ? parsed.layers : [];
}
