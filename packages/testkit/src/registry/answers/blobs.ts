import { isDigest } from '@slipway/digest';
import type { RegistryCore } from '../core.ts';
import type { Exchange } from '../exchange.ts';
import { locate } from './locations.ts';
import { Refusal } from './refusal.ts';

/** HEAD and GET of a blob, whole or in part. */
export async function getBlob(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { repository, target: digest, kind } = exchange.route;
  if (!isDigest(digest)) throw new Refusal('DIGEST_INVALID');
  const size = core.repositories.hasBlob(repository, digest) ? await core.storage.sizeOf(digest) : undefined;
  if (size === undefined) throw new Refusal('BLOB_UNKNOWN', { detail: { digest } });

  const { quirks } = core.options;
  if (kind === 'blob-head' && quirks.blobHeadRedirects && exchange.parameter('redirected') === undefined) {
    const location = locate(exchange, quirks, `${exchange.url.pathname}?redirected=1`);
    return await exchange.answer(307, { Location: location });
  }
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    'Accept-Ranges': 'bytes',
    ETag: `"${digest}"`,
  };
  const range = rangeOf(exchange.header('range'), size);
  if (range === undefined) {
    return await exchange.answer(200, headers, { size, bytes: core.storage.read(digest) });
  }
  const { from, to } = range;
  if (from >= to) throw new Refusal('RANGE_INVALID', { headers: { 'Content-Range': `bytes */${size}` } });
  const partial = { ...headers, 'Content-Range': `bytes ${from}-${to - 1}/${size}` };
  await exchange.answer(206, partial, { size: to - from, bytes: core.storage.read(digest, range) });
}

/** DELETE of a blob. */
export async function deleteBlob(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { repository, target: digest } = exchange.route;
  if (core.options.quirks.blobDelete === 'unsupported') throw new Refusal('UNSUPPORTED');
  if (!isDigest(digest)) throw new Refusal('DIGEST_INVALID');
  if (!core.repositories.hasBlob(repository, digest)) throw new Refusal('BLOB_UNKNOWN', { detail: { digest } });
  await core.repositories.removeBlob(repository, digest);
  await exchange.answer(202, {});
}

/** One byte range of RFC 9110; several, or another unit, are answered with the whole. */
function rangeOf(header: string | undefined, size: number): { from: number; to: number } | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return undefined;
  if (first === '') return { from: Math.max(0, size - Number(last)), to: size };
  return { from: Number(first), to: last === '' ? size : Math.min(size, Number(last) + 1) };
}
