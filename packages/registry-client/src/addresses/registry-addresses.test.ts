import { expect, test } from 'vitest';
import { registryAddresses } from './registry-addresses.ts';

test.each([
  ['127.0.0.1:5000', ['127.0.0.1']],
  ['10.1.2.3', ['10.1.2.3']],
  ['[::1]:5000', ['::1']],
])('%s needs no resolver', async (registry, addresses) => {
  expect(await registryAddresses(registry)).toEqual(addresses);
});

test.each(['', 'a b', 'host:port'])('%j has no address', async (registry) => {
  expect(await registryAddresses(registry)).toBeUndefined();
});
