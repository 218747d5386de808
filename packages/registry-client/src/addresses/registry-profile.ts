import { aString, assertArgument } from '@slipway/arguments';

/** What a registry is known to do with uploads, where its name tells who runs it. */
export interface RegistryProfile {
  readonly name: string;
  /** Whether a blob may come in several PATCHes: the way that lets a large upload be continued later. */
  readonly takesChunks: boolean;
  /** Bytes of one chunk at most, where there is a known limit. */
  readonly maxChunkSize: number | undefined;
  /** Whether asking to mount a blob from the repository itself is safe: it tells whether the blob is there. */
  readonly mountsFromItself: boolean;
}

const MiB = 1024 * 1024;

/** Like distribution, the registry that most others are made of: everything the specification offers. */
const usual: RegistryProfile = profile('distribution', {});

/** Hosts by their ending. What is not listed behaves like distribution until it says otherwise by a status. */
const known: readonly (readonly [RegExp, RegistryProfile])[] = [
  // Later chunks are dropped without an error: aws/containers-roadmap#2831. Mounting is opt-in there.
  [
    /^(?:public\.ecr\.aws|.*\.dkr\.ecr(?:-fips)?\..*\.amazonaws\.com(?:\.cn)?)$/,
    profile('ecr', { takesChunks: false, mountsFromItself: false }),
  ],
  // Content-Range is unsupported: containers/skopeo#1101, kitops-ml/kitops#777.
  [/^(?:.*\.)?(?:pkg\.dev|gcr\.io)$/, profile('gar', { takesChunks: false })],
  // Sessions cannot be continued, and PUT may answer a stray 416: Azure/acr#866.
  [/^.*\.azurecr\.(?:io|cn|us)$/, profile('acr', { takesChunks: false })],
  // Chunks above 4 MiB get 416: oras-project/rust-oci-client#35. So many requests cost more than they save.
  [/^ghcr\.io$/, profile('ghcr', { takesChunks: false, maxChunkSize: 4 * MiB })],
  // Streams are what its own client sends; small chunks bring 504: google/go-containerregistry#920.
  [/^(?:registry-1\.|index\.)?docker\.io$/, profile('hub', { takesChunks: false })],
  // Parallel uploads are throttled, tokens live five minutes: moby/moby#33558.
  [/^registry\.gitlab\.com$/, profile('gitlab', {})],
  [/^quay\.io$/, profile('quay', {})],
  // 413 above 100 MB: cloudflare/serverless-registry#67.
  [/^registry\.cloudflare\.com$/, profile('cloudflare', { maxChunkSize: 95 * MiB })],
];

/**
 * The profile of a registry by its name in references; {@link RegistryProfile.name} `distribution` where nothing is
 * known.
 */
export function registryProfile(registry: string): RegistryProfile {
  assertArgument('registry', registry, aString);
  const host = registry.replace(/:\d+$/, '').toLowerCase();
  return known.find(([pattern]) => pattern.test(host))?.[1] ?? usual;
}

function profile(name: string, facts: Partial<RegistryProfile>): RegistryProfile {
  return Object.freeze({ name, takesChunks: true, maxChunkSize: undefined, mountsFromItself: true, ...facts });
}
