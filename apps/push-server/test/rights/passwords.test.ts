import { expect, test } from 'vitest';
import { startTestDaemon } from '../daemon-fixture.ts';

test('a password that was typed into a name is in no answer, no audit and no log', async () => {
  await using server = await startTestDaemon();
  const secret = 'S3cr3tPW';
  const image = `u:${secret}@127.0.0.1:1/x`;
  const asked: readonly (readonly [string, string, string?])[] = [
    ['DELETE', `/images/${image}`],
    ['POST', `/images/${image}/push`],
    ['POST', `/images/${image}/tag?repo=a&tag=1`],
    ['GET', `/images/${image}/json`],
    ['GET', `/images/${image}/get`],
    ['POST', '/auth', JSON.stringify({ username: 'u', password: 'x', serveraddress: `u:${secret}@127.0.0.1:1` })],
    [
      'POST',
      '/auth',
      JSON.stringify({ username: 'u', password: 'x', serveraddress: `https://u:${secret}@127.0.0.1:1` }),
    ],
  ];
  for (const [method, path, body] of asked) {
    const headers = { 'content-type': 'application/json', 'x-registry-auth': 'e30=' };
    const answer = await server.request(method, path, { headers, body });
    expect([method, path, answer.body.includes(secret)]).toEqual([method, path, false]);
  }
  expect(server.audits().length).toBeGreaterThan(0);
  expect(JSON.stringify(server.log)).not.toContain(secret);
});
