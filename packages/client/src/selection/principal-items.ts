import type { SourceItem } from '@slipway/image-source';

/**
 * The items of a source that a person means by "the image": without what comes along with another one, such as
 * signatures and SBOMs, and without the platforms of an index that are listed beside it. All of them, where nothing
 * else is left.
 */
export function principalItems(items: readonly SourceItem[]): readonly SourceItem[] {
  const digests = new Set(items.flatMap(({ manifest }) => manifest?.digest ?? []));
  const within = new Set(items.flatMap((item) => (item.kind === 'index' ? digestsWithin(item) : [])));
  const principal = items.filter((item) => {
    if (item.manifest !== undefined && item.names.length === 0 && within.has(item.manifest.digest)) return false;
    return !isCompanion(item, digests);
  });
  return principal.length > 0 ? principal : items;
}

function digestsWithin({ children }: Extract<SourceItem, { kind: 'index' }>): readonly string[] {
  return children.flatMap(({ descriptor, item }) => [
    descriptor.digest,
    ...(item.kind === 'index' ? digestsWithin(item) : []),
  ]);
}

/**
 * Whether an item is about another one of the same source: by its subject, or by its tag, as cosign and registries do
 * it.
 */
function isCompanion({ manifest, names }: SourceItem, digests: ReadonlySet<string>): boolean {
  const tagged = names.length > 0 && names.every((name) => isCompanionTag(name, digests));
  return tagged || (manifest !== undefined && digests.has(subjectOf(manifest.bytes) ?? ''));
}

function isCompanionTag(name: string, digests: ReadonlySet<string>): boolean {
  const [, algorithm, hex] = /^(?:.*:)?(sha\d+)-([0-9a-f]{64,})(?:\.(?:sig|att|sbom))?$/.exec(name) ?? [];
  return algorithm !== undefined && digests.has(`${algorithm}:${hex}`);
}

function subjectOf(manifest: Uint8Array): string | undefined {
  const { subject } = JSON.parse(new TextDecoder().decode(manifest)) as { readonly subject?: { digest?: unknown } };
  return typeof subject?.digest === 'string' ? subject.digest : undefined;
}
