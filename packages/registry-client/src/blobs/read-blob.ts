import type { ByteStream, OpenOptions } from '@slipway/digest';
import type { Access } from '../auth/authorizer.ts';
import type { Answer } from '../http/answer.ts';
import type { RegistryConnection } from '../registry-connection.ts';

/** Reads a blob from an offset on. Nothing is asked for before the first chunk is; leaving the loop closes the connection. */
export async function* readBlob(
  connection: RegistryConnection,
  path: string,
  access: Access,
  { from = 0, signal }: OpenOptions,
): ByteStream {
  signal?.throwIfAborted();
  const answer = await connection.send({
    method: 'GET',
    target: path,
    access,
    headers: from > 0 ? { range: `bytes=${from}-` } : {},
    expect: from > 0 ? [200, 206] : [200],
    isDownload: true,
    signal,
  });
  if (answer.status === 206) {
    await assertBeginsAt(answer, from);
    yield* answer.stream();
  } else {
    yield* skip(answer.stream(), from); // a registry, or the storage behind it, that knows no ranges
  }
}

async function assertBeginsAt(answer: Answer, from: number): Promise<void> {
  const header = answer.header('content-range') ?? '';
  const start = /^bytes (\d{1,16})-/.exec(header)?.[1];
  if (start !== undefined && Number(start) === from) return;
  await answer.discard();
  throw answer.protocolError(`another range than the one asked for: ${JSON.stringify(header.slice(0, 100))}`);
}

async function* skip(stream: ByteStream, count: number): ByteStream {
  let left = count;
  for await (const chunk of stream) {
    if (left < chunk.byteLength) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.byteLength);
  }
}
