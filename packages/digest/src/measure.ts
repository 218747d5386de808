import { abortable } from './abortable.ts';
import type { AbortOptions, ByteStream } from './content.ts';
import type { DigestAlgorithm } from './digest.ts';
import type { Digester, MeasuredContent } from './digester.ts';

export interface DigestStreamOptions extends AbortOptions {
  /** @default 'sha256' */
  readonly algorithm?: DigestAlgorithm | undefined;
}

/** Feeds a whole stream to a digester. */
export async function measure(
  stream: ByteStream,
  digester: Digester,
  { signal }: AbortOptions,
): Promise<MeasuredContent> {
  signal?.throwIfAborted();
  for await (const chunk of abortable(stream, signal)) digester.update(chunk);
  return { digest: digester.digest(), size: digester.size };
}
