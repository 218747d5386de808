import { createHash } from 'node:crypto';
import type { ByteStream, Digest } from '@slipway/digest';

const grammar = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a text is a digest the embedded registry can check. */
export function isCheckableDigest(text: string): text is Digest {
  return grammar.test(text);
}

/** The sha256 digest of bytes in memory. */
export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** Reads a stream to its end and returns its digest and size. */
export async function measure(source: ByteStream, algorithm = 'sha256'): Promise<{ digest: Digest; size: number }> {
  const hash = createHash(algorithm);
  let size = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    size += chunk.byteLength;
  }
  return { digest: `${algorithm}:${hash.digest('hex')}` as Digest, size };
}

/** The algorithm a digest names: `sha256`. */
export function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':'));
}
