import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { contentOf, digestBytes } from '@slipway/digest';
import { seededRandom } from './seeded-random.ts';
import { paddingOf, tarHeader } from './tar-format.ts';

/** What a mutated source was before. */
export type MutatedForm = 'docker-archive' | 'oci-archive' | 'oci-layout' | 'dir';

/** An image in one of its forms with something wrong in it, the same for the same seed. */
export interface MutatedSource {
  readonly form: MutatedForm;
  /** Of an archive. */
  readonly archive: Uint8Array | undefined;
  /** Of a folder, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

type Random = (limit: number) => number;
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Values that readers stumble over. */
const oddValues: readonly Json[] = [
  null, -1, 0, 1e99, 1.5, '', ' ', '../../etc/passwd', '/etc/passwd', '\0', 'a'.repeat(5000), [], {}, [[[[]]]], true,
  `sha256:${'0'.repeat(64)}`, 'sha256:ABC', `sha512:${'0'.repeat(128)}`, '__proto__', '\ud800', 9007199254740992,
  [null], 'application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/octet-stream',
  'application/vnd.docker.distribution.manifest.v1+prettyjws', 'layers+base', 'Layers', ['x', 'x'], 'v1.0+build',
]; // biome-ignore format: a list to read across

const layers = [
  tarOf([['a', Buffer.from('hello '.repeat(300))]]),
  tarOf([
    ['b', Buffer.from(digestBytes(Buffer.from('x')))],
    ['c', Buffer.from('world'.repeat(40))],
  ]),
];
const config: Json = {
  architecture: 'amd64',
  os: 'linux',
  created: '2026-01-02T03:04:05Z',
  config: { Cmd: ['/x<&>'] },
  rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestBytes(layer)) },
  history: layers.map((_, at) => ({ created: '2026-01-02T03:04:05Z', created_by: `layer ${at}` })),
};

/** A mutated source; most of them are refused, the rest are whole. */
export function mutatedSource(seed: number): MutatedSource {
  const random = seededRandom(`mutated ${seed}`);
  const pick: Random = (limit) => random.integer(limit);
  const form = (['docker-archive', 'oci-archive', 'oci-layout', 'dir'] as const)[pick(4)] ?? 'dir';
  const files = form === 'docker-archive' ? dockerFiles(pick) : form === 'dir' ? dirFiles(pick) : layoutFiles(pick);
  if (pick(8) === 0) spoilOne(files, pick);
  if (form === 'oci-layout' || form === 'dir') return { form, archive: undefined, files };
  let archive = tarOf([...files]);
  if (pick(4) === 0) archive = spoiled(archive, pick);
  if (pick(6) === 0) archive = gzipSync(archive);
  if (pick(8) === 0) archive = Buffer.concat([archive, Buffer.alloc(1 + pick(2000), pick(2) * 7)]);
  if (pick(10) === 0) archive = spoiled(archive, pick);
  return { form, archive, files: new Map() };
}

/** Writes a mutated source to where a source may lie, file or folder. */
export async function writeMutatedSource(path: string, { archive, files }: MutatedSource): Promise<void> {
  if (archive !== undefined) return await writeFile(path, archive);
  await mkdir(path, { recursive: true });
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), bytes);
  }
}

function dockerFiles(pick: Random): Map<string, Uint8Array> {
  const which = pick(3);
  const ownConfig = encoded(which === 1 ? tweaked(config, pick) : config);
  const names = ['l0/layer.tar', 'l1/layer.tar'];
  const list: Json = [{ Config: 'c.json', RepoTags: ['a/b:1'], Layers: names }];
  const files = new Map<string, Uint8Array>(names.map((name, at) => [name, layers[at] ?? new Uint8Array()]));
  files.set('c.json', ownConfig);
  files.set('manifest.json', encoded(which === 2 ? tweaked(list, pick) : list));
  return files;
}

/** Digests are made right after the mutation: what is wrong is what the documents say. */
function layoutFiles(pick: Random): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const put = (bytes: Uint8Array): { readonly digest: string; readonly size: number } => {
    const digest = digestBytes(bytes);
    files.set(`blobs/${digest.replace(':', '/')}`, bytes);
    return { digest, size: bytes.byteLength };
  };
  const manifest = putImage(pick, put);
  const entry: Json = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...put(manifest),
    annotations: { 'org.opencontainers.image.ref.name': '1' },
  };
  const index: Json = { schemaVersion: 2, manifests: [entry] };
  files.set('index.json', encoded(pick(3) === 0 ? tweaked(index, pick) : index));
  files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  return files;
}

function dirFiles(pick: Random): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const put = (bytes: Uint8Array): { readonly digest: string; readonly size: number } => {
    const digest = digestBytes(bytes);
    files.set(digest.slice('sha256:'.length), bytes);
    return { digest, size: bytes.byteLength };
  };
  files.set('manifest.json', putImage(pick, put));
  files.set('version', Buffer.from('Directory Transport Version: 1.1\n'));
  return files;
}

function putImage(
  pick: Random,
  put: (bytes: Uint8Array) => { readonly digest: string; readonly size: number },
): Buffer {
  const which = pick(4);
  const configured = put(encoded(which === 1 ? tweaked(config, pick) : config));
  const packed = layers.map((layer) => {
    const bytes = gzipSync(layer);
    return put(pick(10) === 0 ? spoiled(bytes, pick) : bytes);
  });
  const manifest: Json = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...configured },
    layers: packed.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...layer })),
  };
  return encoded(which === 2 ? tweaked(manifest, pick) : manifest);
}

/** One to three nodes are removed, doubled, turned round or replaced. */
function tweaked(document: Json, pick: Random): Json {
  const root = { document: structuredClone(document) } as { [key: string]: Json };
  const places: (readonly [{ [key: string]: Json }, string])[] = [];
  const walk = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push([value as { [key: string]: Json }, key]);
      walk((value as { [key: string]: Json })[key] ?? null);
    }
  };
  walk(root);
  for (let count = 1 + pick(3); count > 0; count -= 1) {
    const [owner, key] = places[pick(places.length)] ?? [root, 'document'];
    const list = Array.isArray(owner) ? (owner as unknown as Json[]) : undefined;
    const what = pick(6);
    if (what === 0) delete owner[key];
    else if (what === 1 && list !== undefined) list.push(structuredClone(owner[key] ?? null));
    else if (what === 2 && list !== undefined) list.reverse();
    else if (what === 3 && list === undefined) {
      const value = owner[key] ?? null;
      delete owner[key];
      owner[key.replace(/./, (letter) => (pick(2) === 0 ? letter.toUpperCase() : letter.toLowerCase()))] = value;
    } else owner[key] = structuredClone(oddValues[pick(oddValues.length)] ?? null);
  }
  return root['document'] ?? null;
}

/** Bytes that are wrong, missing or doubled. */
function spoiled(bytes: Uint8Array, pick: Random): Buffer {
  let result = Buffer.from(bytes);
  for (let count = 1 + pick(4); count > 0 && result.byteLength > 0; count -= 1) {
    const at = pick(result.byteLength);
    const what = pick(7);
    if (what <= 2) result[at] = pick(256);
    else if (what === 3) result = result.subarray(0, at);
    else if (what === 4) result = Buffer.concat([result.subarray(0, at), result.subarray(at + pick(600))]);
    else if (what === 5) result = Buffer.concat([result.subarray(0, at), result.subarray(Math.max(0, at - pick(600)))]);
    else result.fill([0, 255, 0x30][pick(3)] ?? 0, at, Math.min(result.byteLength, at + pick(100)));
  }
  return result;
}

function spoilOne(files: Map<string, Uint8Array>, pick: Random): void {
  const names = [...files.keys()];
  const name = names[pick(names.length)] ?? '';
  if (pick(4) === 0) files.delete(name);
  else files.set(name, spoiled(files.get(name) ?? new Uint8Array(), pick));
}

function encoded(document: Json): Buffer {
  return Buffer.from(JSON.stringify(document) ?? '');
}

function tarOf(members: readonly (readonly [string, Uint8Array])[]): Buffer {
  const blocks = members.flatMap(([name, bytes]) => [
    tarHeader({ name, type: 'file', content: contentOf(bytes) }),
    bytes,
    new Uint8Array(paddingOf(bytes.byteLength)),
  ]);
  return Buffer.concat([...blocks, new Uint8Array(1024)]);
}
