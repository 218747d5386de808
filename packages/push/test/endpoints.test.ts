import { RegistryError, type Repository } from '@slipway/registry-client';
import { describe, expect, test } from 'vitest';
import { overEndpoints } from '../src/deliver/endpoints.ts';
import { PushError } from '../src/errors.ts';
import type { Endpoint } from '../src/push.ts';

const repository = {} as Repository;
const tls = new RegistryError('self-signed', { code: 'ERR_REGISTRY_UNREACHABLE', reason: 'tls' });
const refused = new RegistryError('refused', { code: 'ERR_REGISTRY_UNREACHABLE', reason: 'ECONNREFUSED' });
const broken = new RegistryError('502', { code: 'ERR_REGISTRY_UNAVAILABLE', status: 502 });

function endpoints(tried: string[], https: Error | undefined, http?: Error | undefined): Endpoint[] {
  const endpoint = (url: string, failure: Error | undefined): Endpoint => ({
    url: new URL(url),
    connect: async () => {
      tried.push(url);
      if (failure !== undefined) throw failure;
      return repository;
    },
  });
  return [endpoint('https://r.example', https), endpoint('http://r.example', http)];
}

describe('endpoints are tried in order', () => {
  test.each([
    ['https that serves', undefined, undefined, ['https://r.example'], undefined],
    ['https unreachable, http serves', refused, undefined, ['https://r.example', 'http://r.example'], undefined],
    ['https that answers with an error leaves http alone', broken, undefined, ['https://r.example'], '502'],
    [
      'a refused certificate says more than http that does not answer',
      tls,
      refused,
      ['https://r.example', 'http://r.example'],
      'self-signed',
    ],
    [
      'an answer over http says more than TLS that was never spoken',
      tls,
      broken,
      ['https://r.example', 'http://r.example'],
      '502',
    ],
  ] as const)('%s', async (_, https, http, expected, failure) => {
    const tried: string[] = [];
    const result = overEndpoints(endpoints(tried, https, http), 'r.example/app', async () => 'done');
    if (failure === undefined) await expect(result).resolves.toBe('done');
    else await expect(result).rejects.toThrow(failure);
    expect(tried).toEqual(expected);
  });

  test('work that failed over https for a passing reason is not tried over http', async () => {
    const tried: string[] = [];
    const work = async (): Promise<never> => {
      throw new PushError('ERR_PUSH_FAILED', 'the layer was lost', {
        op: 'push layer',
        origin: 'destination',
        cause: broken,
      });
    };
    await expect(overEndpoints(endpoints(tried, undefined), 'r.example/app', work)).rejects.toThrow(
      'the layer was lost',
    );
    expect(tried).toEqual(['https://r.example']);
  });

  test('without any endpoint there is an error that says so', async () => {
    await expect(overEndpoints([], 'r.example/app', async () => 1)).rejects.toMatchObject({
      code: 'ERR_PUSH_NO_ENDPOINT',
    });
  });
});
