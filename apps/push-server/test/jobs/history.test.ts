import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomImage, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { parseScope } from '../../src/security/scope.ts';
import { startTestDaemon } from '../daemon-fixture.ts';

test('jobs of one team take neither history, retries nor idempotency keys from another', async () => {
  await using registry = await startRegistry();
  await using server = await startTestDaemon({ jobHistory: 4 });
  const archive = join(server.folder.path, 'app.tar');
  const teams = ['few', 'many'] as const;
  const references = teams.map((team) => `${registry.host}/${team}/app:1`);
  await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'history' }), references }]);
  await server.request('POST', '/images/load', { body: await readFile(archive) });
  const scopes = (team: string) => ['load', 'push'].map((right) => parseScope(`${right}:${registry.host}/${team}/**`));
  const tokens = await Promise.all(
    teams.map(async (name) => {
      const { text } = await server.daemon.context.tokens.create({
        name,
        scopes: scopes(name),
        expiresInMs: undefined,
      });
      return [name, text] as const;
    }),
  );
  const token = Object.fromEntries(tokens);
  const ask = (team: string, method: string, path: string, key?: string, body?: object) =>
    server.request(method, `/slipway/v1/jobs${path}`, {
      tcp: true,
      headers: {
        authorization: `Bearer ${token[team]}`,
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: body && JSON.stringify(body),
    });
  const run = async (
    team: string,
    key: string,
    options = {},
  ): Promise<{ readonly status: number; readonly id: string }> => {
    const destinations = [`${registry.host}/${team}/app:${key}`];
    const body = { image: `${registry.host}/${team}/app:1`, destinations, ...options };
    const { status, body: text } = await ask(team, 'POST', '', key, body);
    const { id } = JSON.parse(text) as { readonly id: string };
    await ask(team, 'GET', `/${id}/events`);
    return { status, id };
  };

  const pushed = await run('few', 'pushed');
  const failed = await run('few', 'failed', { platform: 'linux/s390x' });
  for (let at = 0; at < 8; at += 1) await run('many', `tag-${at}`);
  for (let at = 0; at < 8; at += 1) await run('many', `bad-${at}`, { platform: 'linux/s390x' });
  expect(await run('few', 'pushed')).toEqual({ status: 200, id: pushed.id });
  const retried = await ask('few', 'POST', `/${failed.id}/retry`);
  expect(retried.status).toBe(202);
  const left = JSON.parse((await ask('many', 'GET', '?state=pushed')).body).jobs as readonly unknown[];
  expect(left.length).toBe(3);
});
