import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  randomImage,
  secretFormsIn,
  startRegistry,
  type TemporaryFolder,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../run-cli.ts';
import { type OddRegistry, password, user } from './odd-registry.ts';
import { refused } from './rows-refused.ts';
import { taken } from './rows-taken.ts';

const secrets = [password, 'wr0ng-PaSS-word', `${user}:${password}`, `${user}:wr0ng-PaSS-word`];

let image: TestImage;
beforeAll(async () => {
  image = await randomImage({ seed: 'odd', layers: [{ size: 20_000, kind: 'random' }] });
});

// One push to all registries of a group, so that each costs its own requests and no process of its own.
describe.each(Object.entries({ ...taken, ...refused }))('%s', (group, rows) => {
  const registries = new Map<OddRegistry, EmbeddedRegistry>();
  let folder: TemporaryFolder;
  let output = '';
  let records: readonly PushRecord[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder();
    for (const row of rows) registries.set(row, await openRow(row));
    await mkdir(join(folder.path, '.docker'));
    await writeFile(join(folder.path, '.docker/config.json'), JSON.stringify({ auths: Object.fromEntries(entries()) }));
    const archive = join(folder.path, 'image.tar');
    await writeDockerArchive(archive, [{ image, references: ['demo/app:v1'] }], { layout: 'old' });
    const destinations = [...registries.values()].map(({ host }) => `${host}/demo/app:1`);
    const given = [
      '--json',
      '--verbose',
      '--no-cache',
      '--progress',
      'plain',
      '--retries',
      group === 'passing' ? '3' : '0',
      '--timeout',
      '3',
    ];
    const env = { HOME: folder.path, XDG_RUNTIME_DIR: join(folder.path, 'run') };
    const { stdout, stderr } = await runCli(['push', archive, ...destinations, ...given], { env, folder: folder.path });
    output = stdout + stderr;
    records = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as PushRecord);
  }, 120_000);
  afterAll(async () => {
    for (const registry of registries.values()) await registry[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test.each(rows.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    const { host, tags, verify } = registryOf(row);
    const record = records.find(({ reference }) => reference === `${host}/demo/app:1`);
    const { error } = record ?? {};
    expect(
      error?.code,
      output
        .split('\n')
        .filter((line) => line.includes(host))
        .join('\n'),
    ).toBe(row.fails);
    const said = row.fails ? [error?.message, error?.hint, ...toldOf(host)].join('\n') : toldOf(host).join('\n');
    for (const words of row.says ?? []) expect(said).toMatch(words);
    for (const words of row.neverSays ?? []) expect(said).not.toMatch(words);
    expect(tags('demo/app').includes('1')).toBe(row.fails === undefined || row.isTagged === true);
    await verify();
  });

  test('no secret and no trace of the program is printed', () => {
    expect(records).toHaveLength(rows.length);
    expect(secretFormsIn(output, secrets), output).toEqual([]);
    expect(output).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  });

  function registryOf(row: OddRegistry): EmbeddedRegistry {
    const registry = registries.get(row);
    if (registry === undefined) throw new Error('unreachable: every row has a registry');
    return registry;
  }

  function* entries(): Generator<readonly [host: string, entry: object]> {
    for (const [{ auth, kept = auth && [user, password] }, { host }] of registries) {
      if (kept) yield [host, { auth: Buffer.from(kept.join(':')).toString('base64') }];
    }
  }

  /** The lines about one registry, with what is set in below them; the log of requests is left out. */
  function toldOf(host: string): readonly string[] {
    let isAbout = false;
    return output.split('\n').filter((line) => {
      if (!/^\s/.test(line)) isAbout = line.includes(host) && !/^(?:GET|HEAD|POST|PATCH|PUT|DELETE) /.test(line);
      return isAbout && !line.startsWith('{');
    });
  }
});

interface PushRecord {
  readonly reference: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

async function openRow({ auth, quirks, rules = [], isSeeded = false }: OddRegistry): Promise<EmbeddedRegistry> {
  const repositories = isSeeded ? ['demo/app'] : [];
  const registry = await startRegistry({ auth, quirks, repositories });
  for (const rule of typeof rules === 'function' ? rules(registry.host) : rules) registry.misbehave(rule);
  return registry;
}
