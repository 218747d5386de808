// Writes a repository of a registry, with all that is attached to its manifests, into an OCI layout.
import { createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * @param {import('@slipway/client').Client} client
 * @param {string} reference of an image: `127.0.0.1:5000/slipway:1.0.0`
 * @param {string} folder replaced
 */
export async function writeLayout(client, reference, folder) {
  const tag = reference.slice(reference.lastIndexOf(':') + 1);
  const repository = await client.repository(reference);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  const written = new Set();
  const entries = [];

  const takeManifest = async (digest) => {
    const { bytes } = await repository.getManifest(digest);
    await writeFile(blobPath(folder, digest), bytes);
    const { manifests = [], config, layers = [] } = JSON.parse(new TextDecoder().decode(bytes));
    for (const child of manifests) await takeManifest(child.digest);
    for (const blob of [...(config === undefined ? [] : [config]), ...layers]) await takeBlob(blob);
    for (const referrer of await repository.listReferrers(digest)) {
      entries.push(descriptorOf(referrer));
      await takeManifest(referrer.digest);
    }
  };
  const takeBlob = async ({ digest }) => {
    if (written.has(digest)) return;
    written.add(digest);
    await pipeline(Readable.from(repository.openBlob(digest)), createWriteStream(blobPath(folder, digest)));
  };

  const root = await repository.resolve(tag);
  await takeManifest(root.digest);
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...descriptorOf(root), annotations }, ...entries],
  };
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(folder, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
  return root.digest;
}

function descriptorOf({ mediaType, digest, size, artifactType }) {
  return { mediaType, digest, size, ...(artifactType === undefined ? {} : { artifactType }) };
}

function blobPath(folder, digest) {
  return join(folder, 'blobs', digest.replace(':', '/'));
}
