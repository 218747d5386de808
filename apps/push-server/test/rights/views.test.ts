import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seenEvent, seenRow } from '../../src/jobs/routes/jobs/seen-names.ts';
import { parseScope } from '../../src/security/scope.ts';
import { sightOf } from '../../src/security/sight.ts';
import { type Answer, ask } from './ask.ts';
import { type Farm, startFarm } from './farm.ts';

let farm: Farm;
let headers: Readonly<Record<string, string>>;
beforeAll(async () => {
  farm = await startFarm();
  const scopes = [parseScope('load:127.0.0.1:*/team-a/**'), parseScope('push:127.0.0.1:*/team-a/**')];
  const { text } = await farm.server.daemon.context.tokens.create({ name: 'team', scopes });
  headers = { authorization: `Bearer ${text}` };
});
afterAll(() => farm[Symbol.asyncDispose]());

const asTeam = (method: string, path: string, body?: string | Uint8Array): Promise<Answer> =>
  ask({ method, path, headers, body, to: { port: farm.server.port } });
const asAdmin = async (path: string): Promise<unknown> => JSON.parse((await farm.server.request('GET', path)).body);
const seen = async (path: string): Promise<unknown> => JSON.parse((await asTeam('GET', path)).body);

type Image = { readonly Id: string; readonly RepoTags: readonly string[] };

test('images of a team are all that it is told of: in lists, in counts, by either name of one image', async () => {
  const { own, foreign, ids } = farm;
  await farm.server.request('POST', `/images/${own}:v1/tag?repo=${foreign}&tag=new`);
  try {
    expect((await asAdmin('/images/json')) as readonly Image[]).toHaveLength(2);
    const [image, ...others] = (await seen('/images/json')) as readonly Image[];
    expect([image?.Id, image?.RepoTags, others]).toEqual([ids.own, [`${own}:v1`], []]);
    expect(await seen('/info')).toMatchObject({ Images: 1, DockerRootDir: '', DriverStatus: [] });
    const { Images, LayersSize } = (await seen('/system/df')) as { Images: readonly Image[]; LayersSize: number };
    expect([Images.map(({ Id }) => Id), LayersSize > 0]).toEqual([[ids.own], true]);
    expect(LayersSize).toBeLessThan(((await asAdmin('/system/df')) as { LayersSize: number }).LayersSize);
    expect(await seen(`/images/${ids.own}/json`)).toMatchObject({ RepoTags: [`${own}:v1`] });
    // The same image by the name that is not seen.
    expect((await asTeam('GET', `/images/${foreign}:new/json`)).status).toBe(404);
  } finally {
    await farm.tidy();
  }
});

test('what is not seen is refused in the words of what is not there', async () => {
  const { own, foreign } = farm;
  const absent = `${own.split('/')[0]}/team-b/absent`;
  const job = (image: string, further: object = {}) =>
    asTeam('POST', '/slipway/v1/jobs', JSON.stringify({ image, destinations: [`${own}:job`], ...further }));
  const pairs: readonly (readonly [Answer, Answer])[] = [
    [await asTeam('GET', `/images/${foreign}:v1/json`), await asTeam('GET', `/images/${absent}:v1/json`)],
    [await asTeam('GET', `/images/${foreign}:v1/get`), await asTeam('GET', `/images/${absent}:v1/get`)],
    [await asTeam('GET', `/images/get?names=${foreign}`), await asTeam('GET', `/images/get?names=${absent}`)],
    [
      await asTeam('POST', `/images/${foreign}:v1/tag?repo=${own}&tag=x`),
      await asTeam('POST', `/images/${absent}:v1/tag?repo=${own}&tag=x`),
    ],
    [await job(`${foreign}:v1`), await job(`${absent}:v1`)],
    [
      await job(foreign, { allTags: true, destinations: [own] }),
      await job(absent, { allTags: true, destinations: [own] }),
    ],
    [
      await asTeam('GET', `/slipway/v1/jobs/${farm.ended.foreign}`),
      await asTeam('GET', `/slipway/v1/jobs/${'0'.repeat(24)}`),
    ],
    [
      await asTeam('GET', `/slipway/v1/pushes/${farm.ended.foreign}`),
      await asTeam('GET', `/slipway/v1/pushes/${'0'.repeat(24)}`),
    ],
  ];
  for (const [hidden, missing] of pairs) {
    const body = hidden.body.replaceAll(foreign, absent).replaceAll(farm.ended.foreign, '0'.repeat(24));
    expect({ ...hidden, body }).toEqual(missing);
    expect(hidden.status).toBe(404);
  }
});

test('an archive without a name that somebody else has is not told of; its own loads and pushes are', async () => {
  const path = join(farm.server.folder.path, 'further.tar');
  const image = await randomImage({ seed: 'further' });
  const names = [`${farm.foreign}:new`, `${farm.own}:new`];
  await writeDockerArchive(path, [{ image, references: names }]);
  const since = Date.now() / 1000;
  await farm.server.request('POST', '/images/load?quiet=1', { body: await readFile(path) });
  await farm.tidy();
  const events = async (who: (path: string) => Promise<string>): Promise<readonly string[]> => {
    // An event of this very millisecond is later than the millisecond's beginning.
    const until = (Date.now() + 10) / 1000;
    const body = await who(`/events?since=${since.toFixed(3)}&until=${until.toFixed(3)}`);
    const parse = (line: string): { Action: string; Actor: { Attributes: { name: string } } } => JSON.parse(line);
    return body
      .split('\n')
      .filter((line) => line !== '')
      .map(parse)
      .map(({ Action }) => Action);
  };
  // The load and the deletion are about both names; of the two that are taken away, one is seen.
  expect(await events(async (at) => (await farm.server.request('GET', at)).body)).toEqual([
    ...['load', 'untag', 'untag', 'delete'],
  ]);
  expect([...(await events(async (at) => (await asTeam('GET', at)).body))].sort()).toEqual(['delete', 'load', 'untag']);
});

test('jobs, pushes and slots of others are in no list, no count of a page, and no stream', async () => {
  const ids = async (path: string): Promise<readonly string[]> =>
    ((await seen(path)) as { jobs: readonly { id: string }[] }).jobs.map(({ id }) => id);
  const own = [farm.stuck.own, farm.ended.own];
  expect((await ids('/slipway/v1/jobs')).filter((id) => Object.values(farm.ended).includes(id))).toEqual([
    farm.ended.own,
  ]);
  expect(await ids('/slipway/v1/jobs?limit=1')).toHaveLength(1);
  const status = (await seen('/slipway/v1/status')) as Record<string, readonly { id: string }[]> & { slots: unknown };
  for (const part of ['jobs', 'pushes']) {
    const shown = status[part]?.map(({ id }) => id) ?? [];
    expect(
      shown.filter((id) => [...Object.values(farm.ended), ...Object.values(farm.stuck)].includes(id)).sort(),
    ).toEqual([...own].sort());
  }
  expect(status.slots).toEqual({ transfers: [], jobs: { registries: {}, principals: {} } });
  const { body } = await asTeam('GET', '/slipway/v1/status/events');
  expect(body).toContain(farm.stuck.own);
  expect(body).not.toContain(farm.stuck.foreign);
  expect(body).not.toContain('team-b');
});

test('where a blob was mounted from is told to those who see that repository', () => {
  const sight = sightOf({ name: 'x', scopes: [parseScope('push:ghcr.io/team-a/*')] });
  const blob = { destination: 'ghcr.io/team-a/app', key: 'k', id: 'i', role: 'layer' } as const;
  const event = (from: string) => ({ type: 'blob:mounted', blob, digest: 'sha256:0', size: 1, from }) as never;
  expect(seenEvent(event('team-a/base'), sight)).toMatchObject({ from: 'team-a/base' });
  expect(seenEvent(event('team-b/secret'), sight)).toMatchObject({ from: '' });
  const row = (from: string) => ({ outcome: 'mounted', destination: blob.destination, note: `from ${from}` }) as never;
  expect(seenRow(row('team-a/base'), sight).note).toBe('from team-a/base');
  expect(seenRow(row('team-b/secret'), sight).note).toBeUndefined();
});
