// What a deployment tool does: a folder on top of a base image, with a new command. No Dockerfile, no daemon.
import { createClient, imageFrom, layerFrom } from '@slipway/client';

const [base, folder = 'dist', to = ''] = process.argv.slice(2);
await using client = await createClient();
const source = imageFrom({
  base: `docker://${base}`,
  layers: [layerFrom(folder, { to: '/app' })],
  config: { WorkingDir: '/app', Cmd: ['node', 'index.js'] },
});
const [pushed] = await client.push({ source, to });
console.log(pushed?.digest, pushed?.mediaType);
