import type { AbortOptions, Digest } from '@slipway/digest';
import { isWebPage, webPageError } from '../http/answer/web-page.ts';
import type { RepositoryAt } from '../repository/repository-at.ts';
import type { BlobStat } from '../repository.ts';

/** HEAD of a blob. */
export async function statBlob(
  { connection, access, path }: RepositoryAt,
  digest: Digest,
  { signal }: AbortOptions,
): Promise<BlobStat | undefined> {
  const target = path(`blobs/${digest}`);
  const answer = await connection.send({ method: 'HEAD', target, access, expect: [200, 404], signal });
  await answer.discard();
  if (isWebPage(answer, undefined)) throw webPageError(answer, undefined);
  return answer.status === 404 ? undefined : { digest, size: answer.size };
}
