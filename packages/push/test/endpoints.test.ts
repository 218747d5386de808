import { parseReference } from '@slipway/reference';
import { RegistryError, type Repository } from '@slipway/registry-client';
import type { Clock } from '@slipway/transfer';
import { describe, expect, test } from 'vitest';
import { overEndpoints } from '../src/deliver/endpoints.ts';
import { PushError } from '../src/errors.ts';
import type { Endpoint } from '../src/push.ts';

const repository = { registry: 'r.example', path: 'app' } as Repository;
const destination = parseReference('r.example/app:1');
const options = { retry: { attempts: 1 } };
const tls = new RegistryError('self-signed', { code: 'ERR_REGISTRY_UNREACHABLE', reason: 'tls' });
const plain = new RegistryError('GET https://r.example/v2/ failed: the other side does not speak TLS', {
  code: 'ERR_REGISTRY_UNREACHABLE',
  reason: 'tls',
});
const refused = new RegistryError('refused', { code: 'ERR_REGISTRY_UNREACHABLE', reason: 'ECONNREFUSED' });
const led = new RegistryError('it leads to gopher:', { code: 'ERR_REGISTRY_REDIRECT_REFUSED' });
const away = new RegistryError('the token server does not answer', {
  code: 'ERR_REGISTRY_UNREACHABLE',
  reason: 'ECONNREFUSED',
  hasAnswered: true,
});
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
    [
      'https that leads where nobody may go leaves http alone',
      led,
      undefined,
      ['https://r.example'],
      'leads to gopher:',
    ],
    ['https that leads to who is not there does so, too', away, undefined, ['https://r.example'], 'token server'],
    [
      'what http led to says more than TLS that was never spoken',
      tls,
      away,
      ['https://r.example', 'http://r.example'],
      'token server',
    ],
    [
      'that https was answered in plain http says nothing where http was tried',
      plain,
      refused,
      ['https://r.example', 'http://r.example'],
      'refused',
    ],
  ] as const)('%s', async (_, https, http, expected, failure) => {
    const tried: string[] = [];
    const result = overEndpoints(endpoints(tried, https, http), destination, async () => 'done', options);
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
    await expect(overEndpoints(endpoints(tried, undefined), destination, work, options)).rejects.toThrow(
      'the layer was lost',
    );
    expect(tried).toEqual(['https://r.example']);
  });

  test('a registry that is not up yet is tried again, over every endpoint, and the waits are told', async () => {
    const waits: number[] = [];
    const clock: Clock = {
      now: () => 0,
      sleep: async (delayMs) => {
        waits.push(delayMs);
      },
    };
    const told: string[] = [];
    const tried: string[] = [];
    const later = new RegistryError('refused', { code: 'ERR_REGISTRY_UNREACHABLE', transient: true });
    const unready = endpoints(tried, later, later).map((endpoint) => ({
      ...endpoint,
      connect: async () => (tried.length < 4 ? await endpoint.connect() : repository),
    }));
    const onRetry = (message: string): void => void told.push(message);
    const retry = { attempts: 5, clock, random: () => 0 };
    await expect(overEndpoints(unready, destination, async () => 'done', { retry, onRetry })).resolves.toBe('done');
    expect(tried).toEqual(['https://r.example', 'http://r.example', 'https://r.example', 'http://r.example']);
    expect(told).toEqual(['retry 1 in 1 s: refused', 'retry 2 in 2 s: refused']);
  });

  test('a redirect that is refused is for good, whatever may pass on the other way', async () => {
    const passing = new RegistryError('closed', {
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason: 'ECONNRESET',
      transient: true,
    });
    const tried: string[] = [];
    const retry = { attempts: 5, random: () => 0 };
    const result = overEndpoints(endpoints(tried, passing, led), destination, async () => 'done', { retry });
    await expect(result).rejects.toMatchObject({ cause: led });
    expect(tried).toEqual(['https://r.example', 'http://r.example']);
  });

  test('a client of another repository is refused before anything is asked', async () => {
    const other = { url: new URL('https://r.example'), connect: async () => ({ ...repository, path: 'other' }) };
    const work = async (): Promise<never> => {
      throw new Error('unreachable: nothing is done there');
    };
    await expect(overEndpoints([other], destination, work, options)).rejects.toMatchObject({
      code: 'ERR_PUSH_WRONG_REPOSITORY',
      origin: 'request',
    });
  });

  test.each([
    ['busybox', 'docker.io/library/busybox'],
    ['me/app:2', 'docker.io/me/app'],
    ['r.example:5000/app:1', 'r.example:5000/app'],
  ])('that %s cannot be reached is told of %s', async (text, name) => {
    const reference = parseReference(text);
    const unreachable = overEndpoints(endpoints([], refused, refused), reference, async () => 1, options);
    await expect(unreachable).rejects.toThrow(`Could not connect to ${name}: refused`);
    const nowhere = overEndpoints([], reference, async () => 1, options);
    await expect(nowhere).rejects.toThrow(`No endpoint is left to reach ${name}`);
  });

  test('a machine that cannot open a connection does not go on over http, and is told of as what failed', async () => {
    const full = new RegistryError('connect EMFILE', {
      ...{ code: 'ERR_REGISTRY_NOT_ASKED', reason: 'EMFILE' },
      cause: Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' }),
    });
    const tried: string[] = [];
    await expect(overEndpoints(endpoints(tried, full), destination, async () => 'done', options)).rejects.toMatchObject(
      {
        ...{ op: 'connect', origin: 'machine', hint: expect.stringContaining('`ulimit -n`') },
        message: expect.stringContaining('connect EMFILE'),
      },
    );
    expect(tried).toEqual(['https://r.example']);
  });

  test('without any endpoint there is an error that says so', async () => {
    await expect(overEndpoints([], destination, async () => 1, options)).rejects.toMatchObject({
      code: 'ERR_PUSH_NO_ENDPOINT',
    });
  });
});
