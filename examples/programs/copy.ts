// Copies an image from one registry to another, blob by blob; what the other one has is not read.
import { createClient } from '@slipway/client';

const [from, to = ''] = process.argv.slice(2);
await using client = await createClient();
const [pushed] = await client.push({ source: `docker://${from}`, to });
console.log(pushed?.digest);
