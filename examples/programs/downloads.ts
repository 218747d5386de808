// Transfers alone, without any registry: downloads, three at once, each URL once, repeated as the server wishes.
import { createTransferManager, retrying, type TransferContext, transferAll } from '@slipway/transfer';

await using transfers = createTransferManager({ concurrency: 3 });
const requests = process.argv.slice(2).map((key) => ({ key, run: download.bind(undefined, key) }));
console.log(await transferAll(transfers, requests, { onProgress: ({ key }, bytes) => console.log(key, bytes) }));

async function download(url: string, { signal, report }: TransferContext<number>): Promise<number> {
  return await retrying(async () => {
    const { ok, status, headers, body } = await fetch(url, { signal });
    const retryAfterMs = 1000 * Number(headers.get('retry-after') ?? 1);
    if (!ok) throw Object.assign(new Error(`${status} ${url}`), { transient: status >= 500, retryAfterMs });
    let size = 0;
    for await (const chunk of body ?? []) {
      size += chunk.length;
      report(size);
    }
    return size;
  });
}
