import { expect, test } from 'vitest';
import { parseDoctorTarget } from './doctor-target.ts';

test.each<[string, string, string | undefined, string]>([
  ['ghcr.io', 'ghcr.io', undefined, 'latest'],
  ['https://ghcr.io/v2/', 'ghcr.io', undefined, 'latest'],
  ['localhost', 'localhost', undefined, 'latest'],
  ['127.0.0.1:5000', '127.0.0.1:5000', undefined, 'latest'],
  ['[::1]:5000', '[::1]:5000', undefined, 'latest'],
  ['docker.io', 'docker.io', undefined, 'latest'],
  ['index.docker.io', 'docker.io', undefined, 'latest'],
  ['ghcr.io/me/app', 'ghcr.io', 'me/app', 'latest'],
  ['localhost:5000/app:1', 'localhost:5000', 'app', '1'],
  ['https://ghcr.io/me/app:1', 'ghcr.io', 'me/app', '1'],
  ['alpine', 'docker.io', 'library/alpine', 'latest'],
  ['me/app', 'docker.io', 'me/app', 'latest'],
])('%s', (text, registry, repository, tag) => {
  expect(parseDoctorTarget(text)).toEqual({ registry, repository, tag });
});

test.each([
  ['', 'ERR_CLI_USAGE'],
  ['a b', 'ERR_CLI_USAGE'],
  ['ghcr.io/Me/App', 'ERR_CLI_USAGE'],
  ['me:pw@ghcr.io', 'ERR_CLIENT_PASSWORD_IN_NAME'],
])('%j is refused', (text, code) => {
  expect(() => parseDoctorTarget(text)).toThrow(expect.objectContaining({ code }));
});
