import { request } from 'node:https';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  readBack,
  requireTool,
  startDebianRegistry,
  startRegistry,
  type TestCertificates,
  testCertificates,
} from '../src/index.ts';
import { clientOf, seedImage } from './client.ts';

describe.skipIf(requireTool('openssl'))('TLS', () => {
  let certificates: TestCertificates;
  beforeAll(async () => {
    certificates = await testCertificates();
  });

  test('the registry is trusted by its authority, and by nobody else', async () => {
    await using registry = await startRegistry({ tls: certificates });
    expect(registry.url).toBe(`https://${registry.host}`);
    expect((await clientOf(registry, { ca: certificates.ca }).send('/v2/')).status).toBe(200);
    await expect(clientOf(registry).send('/v2/')).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  test('Locations say https, unless the registry is behind a proxy that forgot to tell it', async () => {
    await using right = await startRegistry({ tls: certificates, quirks: { location: 'absolute' } });
    expect(await clientOf(right, { ca: certificates.ca }).begin()).toMatch(/^https:/);
    await using wrong = await startRegistry({ tls: certificates, quirks: { location: 'absolute-http' } });
    expect(await clientOf(wrong, { ca: certificates.ca }).begin()).toMatch(/^http:/);
  });

  test('an image is read back over HTTPS', async () => {
    await using registry = await startRegistry({ tls: certificates });
    await seedImage(registry);
    // The seeded layer and config are noise: reading gets as far as the config's JSON.
    await expect(readBack(registry.host, 'app', 'v1', { ca: certificates.ca })).rejects.toThrow(SyntaxError);
    expect(registry.requests.map(({ kind }) => kind)).toEqual(['manifest-get', 'blob-get']);
  });

  test.each([
    ['embedded', () => startRegistry({ tls: { ...certificates, requestClientCert: true } })],
    ["Debian's", () => startDebianRegistry({ tls: { ...certificates, requestClientCert: true } })],
  ] as const)('the %s registry asks for client certificates', async (name, start) => {
    if (name === "Debian's" && requireTool('docker-registry')) return;
    await using registry = await start();
    const status = (client: object) =>
      new Promise((resolve, reject) => {
        request(`${registry.url}/v2/`, { ca: certificates.ca, agent: false, ...client }, (response) => {
          resolve(response.resume().statusCode);
        })
          .once('error', reject)
          .end();
      });
    await expect(status({})).rejects.toThrow();
    expect(await status({ cert: certificates.clientCert, key: certificates.clientKey })).toBe(200);
  });
});
