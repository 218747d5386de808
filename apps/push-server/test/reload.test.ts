import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { requireTool, temporaryFolder, testCertificates } from '@slipway/testkit';
import { expect, test, vi } from 'vitest';
import { startTestDaemon, type TestDaemon } from './daemon-fixture.ts';

/** The certificate that the listener shows. */
async function shownBy({ port }: TestDaemon): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test.skipIf(requireTool('openssl'))('certificates, the log and the audit are taken up without a restart', async () => {
  await using folder = await temporaryFolder();
  const [first, second] = [await testCertificates(), await testCertificates()];
  const at = (name: string): string => join(folder.path, name);
  const write = async ({ cert, key }: { readonly cert: string; readonly key: string }): Promise<void> => {
    await writeFile(at('cert'), cert);
    await writeFile(at('key'), key);
  };
  await write(first);
  const options = { tlsCert: at('cert'), tlsKey: at('key'), auditLog: at('audit') };
  await using server = await startTestDaemon(options);
  const { daemon, log } = server;
  const { config } = daemon.context;
  const before = await shownBy(server);
  await rename(at('audit'), at('audit.1'));
  await write(second);
  await daemon.reload({ ...config, logLevel: 'debug', concurrency: 9 });
  const after = await shownBy(server);
  expect(after).not.toBe(before);
  await server.request('POST', '/images/load', { body: 'no archive' });
  await vi.waitFor(async () => expect(await readFile(at('audit'), 'utf8')).toContain('"action":"load"'));
  expect(await readFile(at('audit.1'), 'utf8')).toBe('');
  expect(log).toContainEqual(
    expect.objectContaining({ msg: 'slipwayd has read its settings again', waiting: ['concurrency'] }),
  );
  await expect.poll(() => log.some(({ msg }) => msg === 'request')).toBe(true);
  // One that cannot be used changes nothing.
  await writeFile(at('cert'), 'no certificate');
  await expect(daemon.reload(config)).rejects.toMatchObject({ code: 'ERR_SERVER_CONFIG' });
  expect(await shownBy(server)).toBe(after);
});
