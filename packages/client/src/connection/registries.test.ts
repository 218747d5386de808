import { parseReference } from '@slipway/reference';
import { expect, test } from 'vitest';
import { readEnvironment } from '../environment.ts';
import type { NondistributableChoice } from '../options/value-kinds.ts';
import { createRegistries } from './registries.ts';

test.each<[string, NondistributableChoice | undefined, boolean]>([
  ['127.0.0.1:5000/demo/app', undefined, false],
  ['127.0.0.1:5000/demo/app', 'all', true],
  ['127.0.0.1:5000/demo/app', ['127.0.0.1:5000'], true],
  ['127.0.0.1:5000/demo/app', ['127.0.0.1'], false],
  ['127.0.0.1:5000/demo/app', ['r.example', '127.0.0.0/8'], true],
  ['127.0.0.1:5000/demo/app', ['10.0.0.0/8'], false],
  ['demo/app', ['docker.io'], true],
  ['r.example/demo/app', ['docker.io'], false],
])('foreign layers to %s with %j: %s', async (text, allowNondistributable, expected) => {
  await using registries = createRegistries({
    environment: readEnvironment({}),
    credentials: async () => undefined,
    warn: () => {},
    allowNondistributable,
  });
  const endpoints = await registries.endpointsOf(parseReference(text));
  expect(endpoints.map((endpoint) => endpoint.allowNondistributable)).toEqual(endpoints.map(() => expected));
  expect(endpoints.length).toBeGreaterThan(0);
});
