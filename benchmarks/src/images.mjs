import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { inTurn, writeFileLayer, writeRandomLayer } from './layers.mjs';
import { machineFiles } from './machine-files.mjs';
import { paddingOf, tarEnd, tarHeader } from './tar.mjs';

const MiB = 1024 * 1024;
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
  noise: { layers: 2, size: 64 * MiB, seed: 9, random: true, text: '2 layers of random bytes, 64 MiB' },
});

/**
 * Makes an image in `folder` unless it is there: a docker-archive with plain layers, and an OCI layout with gzip ones.
 *
 * @returns the paths of both; the archive is undefined for what docker cannot save
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
  const layout = join(home, 'oci');
  await writeLayout(layout, images);
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

function writeDockerArchive(path, tag, { layers, config }) {
  const partial = `${path}.partial`;
  const output = openSync(partial, 'w');
  const add = (name, bytes) => {
    for (const part of [tarHeader(name, bytes.byteLength), bytes, paddingOf(bytes.byteLength)]) writeSync(output, part);
  };
  const buffer = Buffer.allocUnsafe(MiB);
  const names = [];
  for (const { path: source, digest, size } of layers) {
    const name = `${digest.slice('sha256:'.length)}/layer.tar`;
    names.push(name);
    writeSync(output, tarHeader(name, size));
    const input = openSync(source, 'r');
    for (let read = 1; read > 0; ) {
      read = readSync(input, buffer, 0, buffer.byteLength, null);
      for (let at = 0; at < read; ) at += writeSync(output, buffer, at, read - at);
    }
    closeSync(input);
    writeSync(output, paddingOf(size));
  }
  const configName = `${sha256(config)}.json`;
  add(configName, config);
  add('manifest.json', Buffer.from(JSON.stringify([{ Config: configName, RepoTags: [tag], Layers: names }])));
  writeSync(output, tarEnd);
  closeSync(output);
  renameSync(partial, path);
}

async function writeLayout(folder, images) {
  const blobs = join(folder, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const addBytes = (bytes, mediaType) => {
    writeFileSync(join(blobs, sha256(bytes)), bytes);
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.byteLength };
  };
  const manifests = [];
  for (const [platform, { layers, config }] of images.entries()) {
    const descriptors = [];
    for (const { path } of layers) descriptors.push(await addCompressed(path, blobs));
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: addBytes(config, 'application/vnd.oci.image.config.v1+json'),
      layers: descriptors,
    };
    const descriptor = addBytes(Buffer.from(JSON.stringify(manifest)), manifest.mediaType);
    manifests.push({ ...descriptor, platform: { os: 'linux', architecture: architectures[platform] } });
  }
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  const ref = { 'org.opencontainers.image.ref.name': '1' };
  const top =
    manifests.length === 1
      ? { ...manifests[0], annotations: ref }
      : { ...addBytes(Buffer.from(JSON.stringify(index)), index.mediaType), annotations: ref };
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [top] }));
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

async function addCompressed(path, blobs) {
  const partial = join(blobs, 'partial');
  // gzip is much quicker where it is; node:zlib gives as good a layer.
  const made = spawnSync('sh', ['-c', 'exec gzip -6 -n -c "$1" > "$2"', 'sh', path, partial]);
  if (made.status !== 0) await pipeline(createReadStream(path), createGzip({ level: 6 }), createWriteStream(partial));
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(partial, { highWaterMark: MiB })) {
    hash.update(chunk);
    size += chunk.byteLength;
  }
  const hex = hash.digest('hex');
  renameSync(partial, join(blobs, hex));
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: `sha256:${hex}`, size };
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
