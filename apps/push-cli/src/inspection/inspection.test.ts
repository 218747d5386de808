import { contentOf } from '@slipway/digest';
import type { SourceItem } from '@slipway/image-source';
import { expect, test } from 'vitest';
import { describeItem } from './inspection.ts';
import { inspectionLines } from './inspection-table.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

const image = {
  kind: 'image' as const,
  names: ['app:v1', 'app:latest'],
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('c'), bytes: new Uint8Array(7) },
  manifest: { mediaType: manifestType, digest: digest('e'), bytes: new Uint8Array(9) },
  layers: [
    {
      diffID: digest('a'),
      content: contentOf(new Uint8Array(1_500)),
      compression: 'gzip',
      descriptor: { mediaType: layerType, digest: digest('b'), size: 1_500 },
    },
    { diffID: digest('d'), content: undefined, compression: 'none', descriptor: undefined },
  ],
} as unknown as SourceItem;

const index = {
  kind: 'index',
  names: ['app:multi'],
  manifest: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: digest('1'), bytes: new Uint8Array() },
  children: [
    { descriptor: {}, item: image },
    {
      descriptor: { platform: { os: 'unknown', architecture: 'unknown' } },
      item: {
        kind: 'artifact',
        names: [],
        manifest: { mediaType: manifestType, digest: digest('2'), bytes: new TextEncoder().encode('{}') },
        blobs: [{ descriptor: { mediaType: 'application/json', digest: digest('3'), size: 12 } }],
      },
    },
  ],
} as unknown as SourceItem;

test('an image is told with its config and its layers', () => {
  expect(describeItem(image)).toEqual({
    kind: 'image',
    names: ['app:v1', 'app:latest'],
    platform: 'linux/arm/v7',
    digest: digest('e'),
    mediaType: manifestType,
    config: { digest: digest('c'), mediaType: 'application/vnd.oci.image.config.v1+json', size: 7 },
    layers: [
      { diffID: digest('a'), digest: digest('b'), mediaType: layerType, size: 1_500, compression: 'gzip' },
      { diffID: digest('d'), compression: 'foreign' },
    ],
  });
});

test('an index is told as a tree, children with the platform that the index says', () => {
  const { children = [] } = describeItem(index);
  expect(children.map(({ kind, platform }) => [kind, platform])).toEqual([
    ['image', 'linux/arm/v7'],
    ['artifact', 'unknown/unknown'],
  ]);
});

test('people get a table', () => {
  expect(inspectionLines('app.tar', 'oci-archive', [describeItem(index)])).toEqual([
    'app.tar (oci-archive, 1 item)',
    '',
    'index app:multi',
    '  names      app:multi',
    `  manifest   ${digest('1')}`,
    '  type       application/vnd.oci.image.index.v1+json',
    '  image app:v1',
    '    names      app:v1, app:latest',
    '    platform   linux/arm/v7',
    `    config     ${digest('c')}`,
    `    manifest   ${digest('e')}`,
    `    type       ${manifestType}`,
    '    layers     2, 1.5 kB',
    `      DIFF ID${' '.repeat(66)}SIZE    COMPRESSION  MEDIA TYPE`,
    `      ${digest('a')}  1.5 kB  gzip         ${layerType}`,
    `      ${digest('d')}  -       foreign`,
    '  artifact unknown/unknown',
    '    platform   unknown/unknown',
    `    manifest   ${digest('2')}`,
    `    type       ${manifestType}`,
    `      DIGEST${' '.repeat(67)}SIZE  MEDIA TYPE`,
    `      ${digest('3')}  12 B  application/json`,
  ]);
});

test('a name from an archive cannot steer the terminal', () => {
  const [, , line] = inspectionLines('a', 'docker-archive', [{ ...describeItem(image), names: ['\u001b[31mred'] }]);
  expect(line).toBe('image ?[31mred');
});

test('what a manifest and a config say of themselves is told; what is odd there is passed over', () => {
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const told = describeItem({
    ...image,
    manifest: {
      mediaType: manifestType,
      digest: digest('e'),
      bytes: bytes({
        artifactType: 'application/vnd.example.model',
        annotations: { 'org.opencontainers.image.source': 'https://example.org', odd: 7 },
        subject: { digest: digest('5') },
        config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
      }),
    },
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digest('c'),
      bytes: bytes({ created: '2026-01-02T03:04:05Z', config: { Labels: { team: 'a', none: null } } }),
    },
  } as unknown as SourceItem);
  expect(told).toMatchObject({
    artifactType: 'application/vnd.example.model',
    annotations: { 'org.opencontainers.image.source': 'https://example.org' },
    subject: digest('5'),
    created: '2026-01-02T03:04:05Z',
    labels: { team: 'a' },
  });
  expect(inspectionLines('a.tar', 'docker-archive', [told]).join('\n')).toMatch(
    /artifact {3}application\/vnd\.example\.model\n {2}subject {4}sha256:5+\n {2}created {4}2026.*\n {2}annotation org\.opencontainers\.image\.source=https:\/\/example\.org\n {2}label {6}team=a/,
  );
});

test.each([
  [['1', '2'], false, 'tags of the repository: 1, 2'],
  [[], false, 'tags of the repository: none'],
  [Array.from({ length: 22 }, (_, at) => `${at}`), false, /: 0, 1, .*, 19 and 2 more$/],
  [['1'], true, 'tags of the repository: 1 and more'],
])('the last line has the tags %j', (tags, moreTags, line) => {
  expect(inspectionLines('a/b:1', 'registry', [], { tags, moreTags }).at(-1)).toMatch(line);
});
