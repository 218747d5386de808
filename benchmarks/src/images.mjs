import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDockerArchive } from './docker-archive.mjs';
import { inTurn, writeFileLayer, writeRandomLayer } from './layers.mjs';
import { Layout } from './layout.mjs';
import { machineFiles } from './machine-files.mjs';

const KiB = 1024;
const MiB = 1024 * KiB;
/** Raised when what is generated changes: older images are made again. */
const generation = 2;

/** What there is to push. `size` is that of the plain layers together. */
export const imageSpecs = Object.freeze({
  small: { layers: 3, size: 9 * MiB, seed: 1, text: '3 layers of real files, 9 MiB' },
  many: { layers: 60, size: 164 * MiB, seed: 2, text: '60 layers of real files, 164 MiB' },
  big: { layers: 6, size: 1018 * MiB, seed: 3, text: '6 layers of real files, 1,018 MiB' },
  incompressible: { layers: 4, size: 512 * MiB, seed: 4, random: true, text: '4 layers of random bytes, 512 MiB' },
  huge: { layers: 1, size: 3072 * MiB, seed: 5, text: 'one layer of real files, 3 GiB' },
  platforms: {
    layers: 3,
    size: 24 * MiB,
    seed: 6,
    platforms: 4,
    text: 'an index of 4 platforms, 3 layers of real files each',
  },
  medium: { layers: 6, size: 96 * MiB, seed: 7, text: '6 layers of real files, 96 MiB' },
  several: { layers: 30, size: 20 * MiB, seed: 8, text: '30 layers of real files, 20 MiB' },
  layers: {
    layers: 5000,
    size: 5000 * 3 * KiB,
    seed: 10,
    isArchiveOnly: true,
    text: '5,000 layers of small real files, 22 MiB',
  },
  noise: { layers: 2, size: 64 * MiB, seed: 9, random: true, text: '2 layers of random bytes, 64 MiB' },
});

/**
 * Makes an image in `folder` unless it is there: a docker-archive with plain layers, and an OCI layout with gzip ones.
 *
 * @returns the paths of both; the archive is undefined for what docker cannot save, the layout where nobody asks for it
 */
export async function makeImage(name, folder) {
  const spec = imageSpecs[name];
  const home = join(folder, `${name}-${generation}`);
  const marker = join(home, 'image.json');
  if (existsSync(marker)) return JSON.parse(readFileSync(marker, 'utf8'));
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  process.stderr.write(`making ${name}: ${spec.text}\n`);
  const platforms = spec.platforms ?? 1;
  const files = spec.random ? undefined : inTurn(machineFiles(spec.seed));
  const images = [];
  for (let platform = 0; platform < platforms; platform += 1) {
    const layers = [];
    for (let at = 0; at < spec.layers; at += 1) {
      const path = join(home, `layer-${platform}-${at}.tar`);
      const size = Math.floor(spec.size / spec.layers / platforms);
      const layer = spec.random
        ? writeRandomLayer(path, size, spec.seed * 1000 + at)
        : writeFileLayer(path, size, files);
      layers.push({ path, ...layer });
    }
    images.push({ layers, config: configOf(layers, platform) });
  }
  const archive = platforms === 1 ? join(home, 'docker.tar') : undefined;
  if (archive) writeDockerArchive(archive, `bench/${name}:1`, images[0]);
  const layout = spec.isArchiveOnly ? undefined : join(home, 'oci');
  if (layout) await writeLayout(layout, images);
  for (const { layers } of images) for (const { path } of layers) rmSync(path);
  const plainSize = images.flatMap(({ layers }) => layers).reduce((total, { size }) => total + size, 0);
  const blobs = images.reduce((total, { layers }) => total + layers.length + 1, 0);
  const made = { name, text: spec.text, archive, layout, plainSize, blobs };
  writeFileSync(marker, JSON.stringify(made, null, 2));
  return made;
}

const architectures = ['amd64', 'arm64', 's390x', 'riscv64'];

function configOf(layers, platform) {
  const config = {
    architecture: architectures[platform],
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: { Env: ['PATH=/usr/bin'], Cmd: ['/usr/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map((_, at) => ({ created: '2026-01-01T00:00:00Z', created_by: `layer ${at}` })),
  };
  return Buffer.from(JSON.stringify(config));
}

async function writeLayout(folder, images) {
  const layout = new Layout(folder);
  const manifests = [];
  for (const { layers, config } of images) {
    const descriptors = [];
    for (const { path } of layers) descriptors.push(await layout.addCompressed(path));
    manifests.push(layout.addImage(config, descriptors));
  }
  layout.end(manifests);
}
