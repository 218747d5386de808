import { misuseSuite } from '@slipway/arguments/suite';
import { afterAll, expect, test } from 'vitest';
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
