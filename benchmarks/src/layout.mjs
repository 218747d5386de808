import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { sha256 } from './layers.mjs';

const types = 'application/vnd.oci.image';
export const plainLayerType = `${types}.layer.v1.tar`;

/** An OCI layout that is being written. */
export class Layout {
  /** Where the blobs lie, each named by the hex digits of its digest. */
  blobs;
  #folder;

  constructor(folder) {
    this.#folder = folder;
    this.blobs = join(folder, 'blobs', 'sha256');
    mkdirSync(this.blobs, { recursive: true });
  }

  add(bytes, mediaType) {
    const hex = sha256(bytes);
    writeFileSync(join(this.blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.byteLength };
  }

  /** Adds a plain layer as gzip. */
  async addCompressed(path) {
    const partial = join(this.blobs, 'partial');
    // gzip is much quicker where it is; node:zlib gives as good a layer.
    const made = spawnSync('sh', ['-c', 'exec gzip -6 -n -c "$1" > "$2"', 'sh', path, partial]);
    if (made.status !== 0) await pipeline(createReadStream(path), createGzip({ level: 6 }), createWriteStream(partial));
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of createReadStream(partial, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk);
      size += chunk.byteLength;
    }
    const hex = hash.digest('hex');
    renameSync(partial, join(this.blobs, hex));
    return { mediaType: `${plainLayerType}+gzip`, digest: `sha256:${hex}`, size };
  }

  /** Adds the config and the manifest of an image whose layers are there. */
  addImage(config, layers) {
    const mediaType = `${types}.manifest.v1+json`;
    const manifest = { schemaVersion: 2, mediaType, config: this.add(config, `${types}.config.v1+json`), layers };
    const { os, architecture } = JSON.parse(config.toString());
    return { ...this.add(Buffer.from(JSON.stringify(manifest)), mediaType), platform: { os, architecture } };
  }

  /** Tags the image, or an index of the images, with `1`; the layout is complete then. */
  end(manifests) {
    const index = { schemaVersion: 2, mediaType: `${types}.index.v1+json`, manifests };
    const top =
      manifests.length === 1 ? manifests[0] : this.add(Buffer.from(JSON.stringify(index)), `${types}.index.v1+json`);
    const tagged = { ...top, annotations: { 'org.opencontainers.image.ref.name': '1' } };
    writeFileSync(join(this.#folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [tagged] }));
    writeFileSync(join(this.#folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  }
}
