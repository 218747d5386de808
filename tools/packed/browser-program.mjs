// Runs in Node and in Chromium, where the same import leads to other code, and has to give the same results.
import { deflateBlock } from '@slipway/deflate';
import {
  compressionPass,
  contentOf,
  createPortableGzipCompressor,
  decompress,
  digestBytes,
  digestStream,
} from '@slipway/digest';
import { buildOciManifest, chainIDs, mediaTypes } from '@slipway/manifest';
import { formatReference, parseReference } from '@slipway/reference';
import { createTransferManager } from '@slipway/transfer';

/** Three mebibytes that can be compressed, and are the same everywhere. */
function sample() {
  const bytes = new Uint8Array(3 * 1024 * 1024);
  let state = 7;
  for (let at = 0; at < bytes.length; at += 1) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    bytes[at] = (state >> 16) & (at % 4096 < 1024 ? 255 : 7);
  }
  return bytes;
}

export async function results() {
  const bytes = sample();
  const { stream, result } = compressionPass(contentOf(bytes).open(), createPortableGzipCompressor());
  const parts = [];
  for await (const chunk of stream) parts.push(chunk);
  const packed = new Uint8Array(await new Blob(parts).arrayBuffer());
  const { diffID, digest, size } = result();
  const unpacked = await digestStream(decompress(contentOf(packed).open(), 'gzip'));
  const manifest = buildOciManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: digestBytes(new TextEncoder().encode('{}')), size: 2 },
    layers: [{ mediaType: mediaTypes.ociLayerGzip, digest, size }],
  });
  const transfers = createTransferManager({ concurrency: 2 });
  const transfer = await transfers.transfer({ key: 'one', run: async () => 'done' }).result;
  await transfers[Symbol.asyncDispose]();
  return {
    sha256: digestBytes(bytes),
    sha512: digestBytes(bytes, 'sha512'),
    deflate: digestBytes(deflateBlock(bytes.subarray(0, 100_000))),
    diffID,
    gzip: `${digest} ${size}`,
    unpacked: `${unpacked.digest} ${unpacked.size}`,
    chainID: chainIDs([diffID, digestBytes(packed)]).at(-1),
    manifest: `${manifest.digest} ${manifest.size}`,
    reference: formatReference(parseReference(`alpine@${digest}`, { defaultTag: 'latest' })),
    transfer,
  };
}
