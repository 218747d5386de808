import type { Content, OpenOptions } from '@slipway/digest';

/** All bytes of some content, however they come. */
export async function bytesOf(content: Content, options?: OpenOptions): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.open(options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
