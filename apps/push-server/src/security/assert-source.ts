import type { ImageStore } from '@slipway/image-store';
import { canonicalName, parseReference } from '@slipway/reference';
import { assertAllowed, type Principal } from './principal.ts';

/**
 * Whether a principal may use the bytes of a stored image: push them somewhere, tag them, save them.
 *
 * @throws {RequestError} 403
 * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`
 */
export async function assertSource(
  store: Pick<ImageStore, 'inspect'>,
  name: string,
  principal: Principal,
): Promise<void> {
  const { tags, digests } = await store.inspect(name);
  const repositories = [...tags, ...digests].map((each) => canonicalName(parseReference(each)));
  assertAllowed(principal, { kind: 'source', image: name, repositories });
}
