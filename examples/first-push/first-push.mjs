// A whole push on what the checkout has: makes a small real image, starts the embedded registry, pushes with progress,
// reads the image back and verifies every digest; then pushes again, to show that nothing is sent twice.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomImage, readBack, startRegistry, writeDockerArchive } from '@slipway/testkit';

const cli = fileURLToPath(new URL('../../apps/push-cli/bin/slipway.cjs', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'slipway-first-push-'));
const registry = await startRegistry();
try {
  process.exitCode = await show();
} finally {
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}

async function show() {
  const archive = join(folder, 'image.tar');
  const image = await randomImage({
    seed: 'first push',
    layers: [
      { kind: 'text', size: 24_000_000 },
      { kind: 'random', size: 6_000_000 },
      { kind: 'text', size: 400_000 },
    ],
  });
  await writeDockerArchive(archive, [{ image, references: ['demo/app:1'] }]);
  const repository = 'demo/app';
  say(`An image of ${image.layers.length} layers is in ${archive}, an empty registry listens on ${registry.host}.`);

  const first = await push(archive, `${registry.host}/${repository}:1`);
  if (first !== 0) return first;
  const back = await readBack(registry.host, repository, '1');
  const same = back.layers.every(({ diffID }, at) => diffID === image.layers[at]?.diffID);
  if (!same || back.layers.length !== image.layers.length) throw new Error('the image that came back is another one');
  say(
    `Read back from the registry: the manifest, the config and ${back.layers.length} layers; every digest and every diffID is right.`,
  );

  registry.clearRequests();
  const second = await push(archive, `${registry.host}/${repository}:1`);
  say(`The second push cost ${registry.requests.length} requests and sent no layer.`);
  return second;
}

function push(source, destination) {
  say(`\n$ slipway push ${source} ${destination}`);
  return new Promise((resolve, reject) => {
    const args = [cli, 'push', source, destination, '--data-dir', join(folder, 'data'), '--plain-http'];
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 130));
  });
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
