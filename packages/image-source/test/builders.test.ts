import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { contentOf, decompress, digestStream } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { parseReference } from '@slipway/reference';
import { expect, test } from 'vitest';
import type { ImageSource, SourceImage, SourceItem } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import { openRegistrySource, type RegistryReader } from '../src/registry-source.ts';
import {
  archiveOf,
  chainArchive,
  type DocumentStyle,
  dirOf,
  documentsOf,
  image,
  layoutOf,
  oldFolders,
  repositories,
  schema1Documents,
} from './builders.ts';
import type { HandmadeBlob } from './handmade-image.ts';
import { type HandmadeMember, tarOf } from './handmade-tar.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

/** Every cell of the table in `docs/sources.md`, as its builder writes it. What this leaves open, other tests show. */
type Cells = Partial<Record<Form, readonly HandmadeMember[] | Registry>>;
type Form = 'docker archive' | 'OCI layout' | 'OCI archive' | '`dir:`' | 'in a registry';
/** What a registry has, the manifest of the tag last. */
interface Registry {
  readonly mediaType: string;
  readonly blobs: readonly HandmadeBlob[];
}

const refName = 'org.opencontainers.image.ref.name';
const v1 = { annotations: { [refName]: 'v1' } };
const containerd = { annotations: { 'io.containerd.image.name': 'docker.io/me/app:v1', [refName]: 'v1' } };
const blobName = (hex: string): string => `blobs/sha256/${hex}`;
/** What `docker save` of 25 and later, and BuildKit, write: both lists over the same blobs. */
const bothLists = (style: DocumentStyle): readonly HandmadeMember[] => [
  ...layoutOf(style),
  ...archiveOf({ config: blobName, layer: blobName, gzip: style.layers !== 'none' }).filter(
    ({ name }) => name === 'manifest.json',
  ),
];
/** A tarball of go-containerregistry. */
const googles = archiveOf({ config: (hex) => `sha256:${hex}`, layer: (hex) => `${hex}.tar.gz`, gzip: true });
const byHash = { config: (hex: string) => `${hex}.json`, layer: (hex: string) => `${hex}.tar` };
const schema1 = schema1Documents();

const rows: Readonly<Record<string, Cells>> = {
  'docker before 1.10': {
    'docker archive': chainArchive(),
    'in a registry': {
      mediaType: mediaTypes.schema1SignedManifest,
      blobs: [...schema1.blobs, schema1.manifest],
    },
  },
  'docker to 24 (`ID/layer.tar`, links)': {
    'docker archive': archiveOf({
      config: byHash.config,
      layer: (_, at) => `${String(at + 1).repeat(64)}/layer.tar`,
      links: true,
      before: oldFolders,
      behind: [repositories],
    }),
    'in a registry': registryOf({ family: 'docker' }),
  },
  'docker 25 to 28 (`blobs/`, both lists)': {
    'docker archive': [...bothLists({ layers: 'none', ...containerd }), repositories],
    'OCI archive': [...bothLists({ layers: 'none', ...containerd }), repositories],
    'in a registry': registryOf({ family: 'docker' }),
  },
  'docker with containerd’s store, one platform pulled': {
    'docker archive': bothLists({ index: 'sparse', ...containerd }),
    'OCI layout': layoutOf({ index: 'sparse', ...containerd }),
    'OCI archive': bothLists({ index: 'sparse', ...containerd }),
    'in a registry': registryOf({ index: 'attested' }),
  },
  'podman, buildah': {
    'docker archive': archiveOf({ ...byHash, behind: [repositories] }),
    'OCI layout': layoutOf(v1),
    'OCI archive': layoutOf(v1),
    '`dir:`': dirOf({}),
    'in a registry': registryOf({}),
  },
  kaniko: {
    'docker archive': googles,
    'OCI layout': layoutOf({ family: 'docker' }),
    'in a registry': registryOf({ family: 'docker' }),
  },
  'jib (`buildTar`)': {
    'docker archive': archiveOf({
      config: () => 'config.json',
      layer: (hex) => `${hex}.tar.gz`,
      gzip: true,
      list: ({ Config, RepoTags, Layers }) => ({ config: Config, repoTags: RepoTags, layers: Layers }),
    }),
    'OCI archive': layoutOf(v1),
    'in a registry': registryOf({ family: 'docker', index: 'alone' }),
  },
  ko: {
    'docker archive': googles,
    'OCI layout': layoutOf({ index: 'alone', isFlat: true }),
    'in a registry': registryOf({ index: 'alone' }),
  },
  'nix (`dockerTools`, nix2container)': {
    'docker archive': archiveOf({ config: byHash.config, layer: (hex) => `${hex}/layer.tar` }),
    '`dir:`': dirOf({ layers: 'none' }),
    'in a registry': registryOf({ family: 'docker' }),
  },
  'bazel (rules_docker, rules_oci)': {
    'docker archive': archiveOf({
      config: blobName,
      layer: (hex) => `blobs/sha256/${hex}.tar.gz`,
      gzip: true,
      before: [{ name: './', type: '5' }],
    }),
    'OCI layout': layoutOf({}),
    'OCI archive': layoutOf({ index: 'alone' }),
    'in a registry': registryOf({ index: 'alone' }),
  },
  BuildKit: {
    'docker archive': bothLists(containerd),
    'OCI layout': layoutOf({ index: 'attested', ...containerd }),
    'OCI archive': layoutOf({ index: 'attested', ...containerd }),
    'in a registry': registryOf({ index: 'attested' }),
  },
  'imgutil (buildpacks)': {
    'docker archive': archiveOf({ config: (hex) => `/${hex}.json`, layer: (hex) => `/sha256:${hex}.tar` }),
    'OCI layout': layoutOf({}),
    'in a registry': registryOf({ family: 'docker' }),
  },
  umoci: { 'OCI layout': layoutOf(v1) },
  skopeo: {
    'docker archive': archiveOf({ ...byHash, behind: [...oldFolders, repositories] }),
    'OCI layout': layoutOf(v1),
    'OCI archive': layoutOf(v1),
    '`dir:`': dirOf({ family: 'docker' }),
    'in a registry': registryOf({ family: 'docker', index: 'alone' }),
  },
  'containerd, nerdctl': {
    'docker archive': bothLists({ family: 'docker', index: 'sparse', ...containerd }),
    'OCI layout': layoutOf(containerd),
    'OCI archive': layoutOf(containerd),
    'in a registry': registryOf({ family: 'docker', index: 'alone' }),
  },
  'tar again, by hand': {
    'docker archive': archiveOf(byHash).map((member) => ({ ...member, name: `./${member.name}` })),
    'OCI layout': layoutOf(v1).filter(({ name }) => name !== 'oci-layout'),
    'OCI archive': layoutOf(v1).map((member) => ({ ...member, name: `./${member.name}` })),
  },
};
const cells = Object.entries(rows).flatMap(([builder, forms]) =>
  Object.entries(forms).map(([form, made]) => [builder, form, made] as const),
);

test.each(cells)('%s, %s: the image is there, with every byte', async (builder, form, made) => {
  await using source = await open(form as Form, made);
  const found = imageIn(source.items);
  expect(found.platform).toEqual({ os: 'linux', architecture: 'amd64' });
  expect(found.layers.map(({ diffID }) => diffID)).toEqual(image.diffIDs);
  // Docker's first images had no config of the whole: theirs is made of their history.
  if (builder !== 'docker before 1.10') expect(found.config.digest).toBe(image.config.digest);
  for (const { diffID, content, compression } of found.layers) {
    expect((await digestStream(decompress(content!.open(), compression))).digest).toBe(diffID);
  }
});

test('docs/sources.md has a cell for each of these, and no others', async () => {
  const text = await readFile(new URL('../../../docs/sources.md', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => line.startsWith('| '));
  const table = lines.slice(
    0,
    lines.findIndex((line) => line.startsWith('| What')),
  );
  const [head, , ...body] = table.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const documented = body.flatMap(([builder, ...columns]) =>
    columns.flatMap((cell, at) => (cell === '–' ? [] : [`${builder}: ${head?.[at + 1]}`])),
  );
  expect(documented).toEqual(cells.map(([builder, form]) => `${builder}: ${form}`));
});

async function open(form: Form, made: readonly HandmadeMember[] | Registry): Promise<ImageSource> {
  if ('mediaType' in made)
    return await openRegistrySource(readerOf(made), parseReference('registry.example/me/app:v1'));
  const platform = { os: 'linux', architecture: 'amd64' };
  const path = join(folder(), 'image');
  if (form === 'docker archive' || form === 'OCI archive') {
    await writeFile(path, tarOf(...made));
    const transport = form === 'OCI archive' ? 'oci-archive' : 'docker-archive';
    return await openSource(`${transport}:${path}`, { platform });
  }
  for (const { name, data = '' } of made) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), data);
  }
  const source = await openSource(form === '`dir:`' ? `dir:${path}` : path, { platform });
  expect(source.kind).toBe(form === '`dir:`' ? 'dir' : 'oci-layout');
  return source;
}

function registryOf(style: DocumentStyle): Registry {
  const { entries, blobs } = documentsOf(style);
  return { blobs, mediaType: (entries[0] as { readonly mediaType: string }).mediaType };
}

/** A registry that has this and nothing else. */
function readerOf({ blobs, mediaType }: Registry): RegistryReader {
  const root = blobs.at(-1);
  const find = (digest: string): HandmadeBlob | undefined => blobs.find((blob) => blob.digest === digest);
  return {
    registry: 'registry.example',
    path: 'me/app',
    async getManifest(tagOrDigest) {
      const found = tagOrDigest === 'v1' ? root : find(tagOrDigest);
      if (found === undefined) return undefined;
      const said = JSON.parse(found.bytes.toString()) as { readonly mediaType?: string };
      return {
        mediaType: found === root ? mediaType : (said.mediaType ?? ''),
        digest: found.digest,
        bytes: found.bytes,
      };
    },
    openBlob: (digest, options) => contentOf(find(digest)?.bytes ?? new Uint8Array()).open(options),
    statBlob: async (digest) => ({ size: find(digest)?.size }),
    listReferrers: async () => [],
  };
}

/** The image, of an index that of this platform. */
function imageIn(items: readonly SourceItem[]): SourceImage {
  const [item] = items;
  if (item?.kind === 'image') return item;
  const within = item?.kind === 'index' ? item.children.map((child) => child.item) : [];
  const found = within.find((child) => child.kind === 'image');
  if (found?.kind !== 'image') throw new Error(`expected an image, got ${item?.kind}`);
  return found;
}
