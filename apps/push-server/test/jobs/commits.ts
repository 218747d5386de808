import type { EmbeddedRegistry } from '@slipway/testkit';

/** Blobs that were sent and committed, once for each time. */
export function commitsOf(registry: EmbeddedRegistry): readonly string[] {
  return registry.requests
    .filter(({ kind, status }) => kind === 'upload-put' && status === 201)
    .map(({ repository, query }) => `${repository} ${query.get('digest')}`);
}
