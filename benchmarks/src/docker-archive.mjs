import { closeSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { copyRange } from './copy-range.mjs';
import { sha256 } from './layers.mjs';
import { paddingOf, tarEnd, tarEntries, tarHeader } from './tar.mjs';

/** Writes an image as `docker save` does: one plain file for each layer, named by its diffID, then the documents. */
export function writeDockerArchive(path, tag, { layers, config }) {
  const partial = `${path}.partial`;
  const output = openSync(partial, 'w');
  const add = (name, bytes) => {
    for (const part of [tarHeader(name, bytes.byteLength), bytes, paddingOf(bytes.byteLength)]) writeSync(output, part);
  };
  const names = [];
  for (const { path: source, digest, size } of layers) {
    const name = `${digest.slice('sha256:'.length)}/layer.tar`;
    names.push(name);
    writeSync(output, tarHeader(name, size));
    const input = openSync(source, 'r');
    copyRange(input, { offset: 0, size }, output);
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

/** What a docker-archive of one image holds: its config, and where each layer lies, with the diffID of the config. */
export function readDockerArchive(path) {
  const file = openSync(path, 'r');
  try {
    const entries = new Map([...tarEntries(file)].map((entry) => [entry.name, entry]));
    const read = (name) => {
      const { offset, size } = entries.get(name);
      const bytes = Buffer.alloc(size);
      readSync(file, bytes, 0, size, offset);
      return bytes;
    };
    const [{ Config, Layers }] = JSON.parse(read('manifest.json').toString());
    const config = read(Config);
    const diffIDs = JSON.parse(config.toString()).rootfs.diff_ids;
    return { config, layers: Layers.map((name, at) => ({ ...entries.get(name), diffID: diffIDs[at] })) };
  } finally {
    closeSync(file);
  }
}
