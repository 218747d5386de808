// Pushes an image that is on no disk: one layer with one file, and a command.
import { createClient, imageFrom, layerFrom } from '@slipway/client';

await using client = await createClient();
const layers = [layerFrom({ 'hello.txt': 'hi\n' })];
const image = imageFrom({ layers, platform: 'linux/amd64', config: { Cmd: ['/hello'] } });
const [pushed] = await client.push({ source: image, to: process.argv[2] ?? '127.0.0.1:5000/demo/app:1' });
console.log(pushed?.digest, pushed?.mediaType);
