import { describe, expect, test } from 'vitest';
import { parseImageConfig, platformOfConfig } from './image-config.ts';

const diffID = `sha256:${'cd'.repeat(32)}`;
const rootfs = { type: 'layers', diff_ids: [diffID] };

describe('parseImageConfig', () => {
  test('a config says what it is of', () => {
    const config = {
      architecture: 'arm',
      os: 'linux',
      variant: 'v7',
      'os.version': '1',
      'os.features': ['f'],
      created: '2015-10-31T22:22:56.015925234Z',
      author: 'me',
      config: { Cmd: ['sh'] },
      rootfs,
      history: [
        { created: '2015-10-31T22:22:54.690851953Z', created_by: '/bin/sh', author: 'you', comment: 'c' },
        { empty_layer: true },
      ],
    };
    const bytes = bytesOf(config);
    const parsed = parseImageConfig(bytes);
    expect(parsed).toEqual({ bytes, ...config });
    expect(parsed.bytes).toBe(bytes);
    expect(parsed).toSatisfy(Object.isFrozen);
  });

  test.each([
    ['without layers', { rootfs: { type: 'layers' } }, []],
    ['with null for layers', { rootfs: { type: 'layers', diff_ids: null } }, []],
    ['without a type of rootfs', { rootfs: { diff_ids: [diffID] } }, [diffID]],
    ['with a layer twice', { rootfs: { type: 'layers', diff_ids: [diffID, diffID] } }, [diffID, diffID]],
  ])('a config %s has the layers %#', (_name, document, diffIDs) => {
    const parsed = parseImageConfig(bytesOf(document));
    expect(parsed.rootfs).toEqual({ type: 'layers', diff_ids: diffIDs });
    expect(parsed.history).toEqual([]);
  });

  test.each([
    ['rootfS', { rootfS: rootfs }],
    ['RootFS and DIFF_IDS', { RootFS: { Type: 'layers', DIFF_IDS: [diffID] } }],
    ['rootfs twice, alike', { rootfs, RootFS: rootfs }],
  ])('letter case does not matter: %s', (_name, document) => {
    expect(parseImageConfig(bytesOf(document)).rootfs).toEqual(rootfs);
  });

  test('an old Windows image has layers on a base that it does not name', () => {
    const config = parseImageConfig(bytesOf({ rootfs: { ...rootfs, type: 'layers+base' } }));
    expect(config.rootfs).toEqual({ type: 'layers+base', diff_ids: [diffID] });
  });

  test.each<[string, unknown, string]>([
    ['that is no list', {}, 'history: expected a list, got an object'],
    ['with a number', [{ created_by: 1 }], 'history[0].created_by: expected a text, got 1'],
    ['with a doubt', [{ empty_layer: 'no' }], 'history[0].empty_layer: expected true or false, got "no"'],
  ])('history %s is refused once it is looked at', (_name, history, message) => {
    const config = parseImageConfig(bytesOf({ rootfs, history }));
    expect(config.rootfs.diff_ids).toEqual([diffID]);
    expect(() => config.history).toThrow(
      expect.objectContaining({ code: 'ERR_MANIFEST_INVALID', message: `invalid image config: ${message}` }),
    );
  });

  test('what a container runs by default is read as it is written, whatever its case', () => {
    const config = {
      User: '1000:1000',
      ExposedPorts: { '8080/tcp': {} },
      Env: ['PATH=/bin', 'EMPTY='],
      Entrypoint: ['/entry'],
      Volumes: { '/data': {} },
      WorkingDir: '/app',
      Labels: { 'org.example.name': 'app', __proto__x: 'y' },
      StopSignal: 'SIGINT',
      ArgsEscaped: true,
      Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000, Retries: 3 },
      OnBuild: ['RUN true'],
      Shell: ['/bin/bash', '-c'],
    };
    expect(parseImageConfig(bytesOf({ rootfs, config })).config).toEqual(config);
    const lower = { cmd: 'sh', env: null, LABELS: { a: 'b' }, Memory: 5, Hostname: 'ignored' };
    expect(parseImageConfig(bytesOf({ rootfs, Config: lower })).config).toEqual({ Cmd: ['sh'], Labels: { a: 'b' } });
  });

  test.each([
    ['without one', { rootfs }],
    ['with null', { rootfs, config: null }],
    ['with an empty one', { rootfs, config: {} }],
  ])('a config %s runs nothing by default', (_name, document) => {
    expect(parseImageConfig(bytesOf(document)).config).toEqual({});
  });

  test.each<[string, unknown, string]>([
    ['environment', { Env: 'A=b' }, 'config.Env: expected a list, got "A=b"'],
    ['set of ports', { ExposedPorts: ['80'] }, 'config.ExposedPorts: expected an object, got a list'],
    ['label', { Labels: { a: 1 } }, 'config.Labels.a: expected a text, got 1'],
    ['number of retries', { Healthcheck: { Retries: '3' } }, 'config.Healthcheck.Retries: expected a number, got "3"'],
    [
      'pair of commands',
      { Cmd: ['a'], cmd: ['b'] },
      'config.cmd: is there twice, once as "Cmd", with different values',
    ],
  ])('a bad %s is refused once it is looked at', (_name, config, message) => {
    const parsed = parseImageConfig(bytesOf({ rootfs, config }));
    expect(parsed.rootfs.diff_ids).toEqual([diffID]);
    expect(() => parsed.config).toThrow(
      expect.objectContaining({ code: 'ERR_MANIFEST_INVALID', message: `invalid image config: ${message}` }),
    );
  });

  test('text that is no UTF-8 is read as best it can, and kept as it is', () => {
    const bytes = bytesOf({ rootfs, author: 'J?' });
    bytes[bytes.lastIndexOf(0x3f)] = 0xe9;
    const parsed = parseImageConfig(bytes);
    expect(parsed.author).toBe('J\ufffd');
    expect(parsed.bytes.includes(0xe9)).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ['no rootfs', { architecture: 'amd64' }, 'rootfs: expected an object, got nothing'],
    ['an empty object', {}, 'rootfs: expected an object, got nothing'],
    ['a rootfs that is a list', { rootfs: [] }, 'rootfs: expected an object, got a list'],
    ['another type of rootfs', { rootfs: { type: 'chunks' } }, 'rootfs.type: expected "layers", got "chunks"'],
    [
      'a diffID that is none',
      { rootfs: { diff_ids: [diffID, 'x'] } },
      'rootfs.diff_ids[1]: expected a digest, got "x"',
    ],
    ['diffIDs that are no list', { rootfs: { diff_ids: 'x' } }, 'rootfs.diff_ids: expected a list, got "x"'],
    [
      'a rootfs twice, with different layers',
      { rootfs, rootFS: { diff_ids: [] } },
      'rootFS: is there twice, once as "rootfs", with different values',
    ],
    [
      'diff_ids twice, with different layers',
      { rootfs: { ...rootfs, Diff_IDs: [] } },
      'rootfs.Diff_IDs: is there twice, once as "diff_ids", with different values',
    ],
    ['an os twice', { rootfs, os: 'linux', OS: 'windows' }, 'OS: is there twice, once as "os", with different values'],
    [
      'an architecture twice',
      { rootfs, architecture: 'amd64', Architecture: 'arm64' },
      'Architecture: is there twice, once as "architecture", with different values',
    ],
    [
      'a history twice',
      { rootfs, history: [], History: [{}] },
      'History: is there twice, once as "history", with different values',
    ],
    ['an architecture that is no text', { rootfs, architecture: {} }, 'architecture: expected a text, got an object'],
  ])('%s is refused', (_name, document, message) => {
    expect(() => parseImageConfig(bytesOf(document))).toThrow(
      expect.objectContaining({ code: 'ERR_MANIFEST_INVALID', message: `invalid image config: ${message}` }),
    );
  });

  test('a config longer than the limit is not looked at', () => {
    expect(() => parseImageConfig(bytesOf({ rootfs }), { maxSize: 10 })).toThrow(
      expect.objectContaining({ code: 'ERR_MANIFEST_TOO_LARGE', limit: 10 }),
    );
  });
});

test.each([
  [
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
  ],
  [
    { os: 'linux', architecture: 'amd64', variant: '', 'os.version': '' },
    { os: 'linux', architecture: 'amd64' },
  ],
  [
    { os: 'windows', architecture: 'amd64', 'os.version': '10.0', 'os.features': ['win32k'] },
    { os: 'windows', architecture: 'amd64', 'os.version': '10.0', 'os.features': ['win32k'] },
  ],
  [{ os: 'linux' }, undefined],
  [{ architecture: 'amd64' }, undefined],
])('the platform of %j', (words, expected) => {
  expect(platformOfConfig(parseImageConfig(bytesOf({ ...words, rootfs })))).toEqual(expected);
});

function bytesOf(document: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}
