import { ArgumentRangeError } from '@slipway/arguments';
import type { ByteStream, Digest } from '@slipway/digest';
import type { Access } from '../auth/authorizer.ts';
import type { Answer } from '../http/answer/answer.ts';
import { blobOf } from '../http/answer/web-page.ts';
import type { RegistryConnection } from '../registry-connection.ts';
import type { OpenBlobOptions } from '../repository.ts';

/** Where a blob is asked for, and what it has to be. */
export interface BlobPlace {
  /** It begins with `/v2/`. */
  readonly path: string;
  readonly digest: Digest;
}

/**
 * Reads a blob from an offset on, up to another one. Nothing is asked for before the first chunk is; leaving the loop
 * closes the connection. A coding that nobody asked for is undone: a part of coded bytes is of no use, so that all of
 * them are asked for then, and read from the first on.
 *
 * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` for another range than the one asked for, and for a web page
 * @throws {RangeError} when `from` and `to` are no offsets, or the wrong way round
 */
export async function* readBlob(
  connection: RegistryConnection,
  { path, digest }: BlobPlace,
  access: Access,
  { from = 0, to, size, signal }: OpenBlobOptions,
): ByteStream {
  signal?.throwIfAborted();
  assertRange(from, to);
  if (to === from) return;
  const ask = async (headers: Readonly<Record<string, string>>): Promise<Answer> =>
    connection.send({ method: 'GET', target: path, access, headers, expect: [200, 206], isDownload: true, signal });
  const whole = (answer: Answer): ByteStream =>
    blobOf(answer, isRecoded(answer, size) ? answer.decoded() : answer.stream(), digest);
  const isPart = from > 0 || to !== undefined;
  if (isPart) {
    const answer = await ask({ range: `bytes=${from}-${to === undefined ? '' : to - 1}` });
    if (answer.status !== 206) return yield* cut(whole(answer), from, to); // whoever has it knows no ranges
    if (!isRecoded(answer, size)) {
      await assertBeginsAt(answer, from);
      return yield* cut(answer.stream(), 0, to === undefined ? undefined : to - from);
    }
    await answer.discard();
  }
  const answer = await ask({});
  if (answer.status === 206) {
    await answer.discard();
    throw answer.protocolError('a part of the blob, where all of it was asked for');
  }
  yield* cut(whole(answer), from, to);
}

/**
 * Whether something on the way has coded the blob. Storages label the gzip of a layer itself, too: what has as many
 * bytes as the blob is the blob.
 */
function isRecoded(answer: Answer, size: number | undefined): boolean {
  if (!answer.isCoded) return false;
  const length =
    answer.status === 206
      ? /\/(\d{1,16})$/.exec(answer.header('content-range') ?? '')?.[1]
      : answer.header('content-length');
  return size === undefined || length === undefined || Number(length) !== size;
}

function assertRange(from: number, to: number | undefined): void {
  if (!(Number.isSafeInteger(from) && from >= 0)) {
    throw new ArgumentRangeError('from', `Expected \`from\` to be an integer from 0, got ${from}`);
  }
  if (to !== undefined && !(Number.isSafeInteger(to) && to >= from)) {
    throw new ArgumentRangeError('to', `Expected \`to\` to be an integer from ${from}, got ${to}`);
  }
}

async function assertBeginsAt(answer: Answer, from: number): Promise<void> {
  const header = answer.header('content-range') ?? '';
  const start = /^bytes (\d{1,16})-/.exec(header)?.[1];
  if (start !== undefined && Number(start) === from) return;
  await answer.discard();
  throw answer.protocolError(`another range than the one asked for: ${JSON.stringify(header.slice(0, 100))}`);
}

/** The bytes from `from` up to and without `to`, whatever more a stream has. */
async function* cut(stream: ByteStream, from: number, to: number | undefined): ByteStream {
  let at = 0;
  for await (const chunk of stream) {
    if (to !== undefined && at >= to) return; // only now: a body that ends here keeps its connection
    const start = Math.max(0, from - at);
    const end = to === undefined ? chunk.byteLength : Math.min(chunk.byteLength, to - at);
    if (start < end) yield start === 0 && end === chunk.byteLength ? chunk : chunk.subarray(start, end);
    at += chunk.byteLength;
  }
}
