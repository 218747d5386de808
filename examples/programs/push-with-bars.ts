// Pushes a file and draws a bar for each layer; gives up after some milliseconds.
import { createClient } from '@slipway/client';
import { progressShare } from '@slipway/push';

const [source = 'app.tar', to = '127.0.0.1:5000/demo/app:1', limit = '60000'] = process.argv.slice(2);
await using client = await createClient();
const bars = new Map<string, string>();
const [pushed] = await client.push({
  source,
  to,
  signal: AbortSignal.timeout(Number(limit)),
  onEvent(event) {
    if (event.type !== 'blob:progress') return;
    bars.set(event.blob.key, `${event.blob.id} ${'#'.repeat(30 * progressShare(event)).padEnd(30, '.')}`);
    process.stderr.write(`\r${[...bars.values()].join(' ')}`);
  },
});
console.log(pushed?.digest, pushed?.totals);
