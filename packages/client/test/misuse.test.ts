import { misuseSuite } from '@slipway/arguments/suite';
import { afterAll, describe, expect, test } from 'vitest';
import * as exported from '../src/index.ts';

const client = await exported.createClient({ isolated: true });
afterAll(() => client[Symbol.asyncDispose]());

misuseSuite('@slipway/client', exported, {
  more: {
    'client.push': (request) => client.push(request as never),
    'client.pushSettled': (request) => client.pushSettled(request as never),
    'client.push of': (source) => client.push({ source: source as never, to: '127.0.0.1:1/a' }),
    'client.push to': (to) => client.push({ source: '/nowhere.tar', to: to as never }),
    'client.open': (...wrong) => client.open(...(wrong as [never])),
    'client.repository': (name) => client.repository(name as never),
    'client.waysTo': (registry) => client.waysTo(registry as never),
    'client.verifyLogin': (...wrong) => client.verifyLogin(...(wrong as [never, never])),
  },
});

test('what is wrong with a request is told by its name', async () => {
  const told = (code: string, text: string) =>
    expect.objectContaining({ code, message: expect.stringContaining(text) });
  const push = client.push as (request: unknown) => Promise<unknown>;
  await expect(push(undefined)).rejects.toThrow(told('ERR_CLIENT_OPTION', 'source'));
  await expect(push({ source: 'a.tar' })).rejects.toThrow(told('ERR_CLIENT_OPTION', 'to'));
  await expect(push({ source: 7, to: 'a/b' })).rejects.toThrow(told('ERR_CLIENT_OPTION', 'source'));
});

describe('a signal that is none is told of, before anything is done', () => {
  const push = { source: '/nowhere.tar', to: '127.0.0.1:1/a:1' };
  const artifact = { files: [{ title: 'a', content: 'b' }], artifactType: 'text/plain' };
  test.each<[string, (signal: never) => Promise<unknown>]>([
    ['push', (signal) => client.push({ ...push, signal })],
    ['pushSettled', (signal) => client.pushSettled({ ...push, signal })],
    ['pushAll', (signal) => client.pushAll([], { signal })],
    ['attach', (signal) => client.attach({ subject: '127.0.0.1:1/a:1', artifact, signal } as never)],
    ['referrers', (signal) => client.referrers('127.0.0.1:1/a:1', { signal })],
    ['open', (signal) => client.open('/nowhere.tar', { signal })],
    ['repository', (signal) => client.repository('127.0.0.1:1/a', { signal })],
    ['verifyLogin', (signal) => client.verifyLogin('127.0.0.1:1', undefined, { signal })],
  ])('%s', async (_, call) => {
    for (const wrong of [new AbortController(), {}, 'now', 0, null]) {
      const refused = { code: 'ERR_ARGUMENT', message: expect.stringContaining('to be an AbortSignal, got') };
      await expect(call(wrong as never)).rejects.toMatchObject(refused);
    }
  });
});
