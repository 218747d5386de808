import { assertArgument, aText, listOf } from '@slipway/arguments';
import { type Digest, digestBytes } from '@slipway/digest';

/**
 * The digest of a stack of layers, base first: the diffID itself for one, and for each further one the digest of
 * `<chainID so far> <diffID>`. Undefined for no layers.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#layer-chainid
 */
export function chainID(diffIDs: readonly Digest[]): Digest | undefined {
  return chainIDs(diffIDs).at(-1);
}

/** The chainID of each stack from the base up to and including each layer. */
export function chainIDs(diffIDs: readonly Digest[]): readonly Digest[] {
  assertArgument('diffIDs', diffIDs, listOf(aText));
  const encoder = new TextEncoder();
  const chain: Digest[] = [];
  for (const diffID of diffIDs) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffID : digestBytes(encoder.encode(`${below} ${diffID}`)));
  }
  return chain;
}
