import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestkitError } from '../errors.ts';
import { runTool } from './run-tool.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** PEM texts of an authority, and of a server and a client that it vouches for. */
export interface TestCertificates {
  readonly ca: string;
  /** Of a server at 127.0.0.1, ::1 and localhost. */
  readonly cert: string;
  readonly key: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/**
 * Makes certificates that last a day, with openssl.
 * @throws {TestkitError} ERR_TESTKIT_TOOL_MISSING, or ERR_TESTKIT_TOOL_FAILED
 */
export async function testCertificates(): Promise<TestCertificates> {
  await using folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const text = (name: string): Promise<string> => readFile(at(name), 'utf8');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout'];

  await openssl([
    'req',
    '-x509',
    ...key,
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '1',
    '-subj',
    '/CN=slipway test CA',
  ]);
  await writeFile(at('server.ext'), 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nextendedKeyUsage=serverAuth\n');
  await writeFile(at('client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const name of ['server', 'client']) {
    await openssl(['req', ...key, at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=slipway test ${name}`]);
    const authority = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1'];
    await openssl([
      'x509',
      '-req',
      '-in',
      at(`${name}.csr`),
      ...authority,
      '-extfile',
      at(`${name}.ext`),
      '-out',
      at(`${name}.pem`),
    ]);
  }
  return {
    ca: await text('ca.pem'),
    cert: await text('server.pem'),
    key: await text('server.key'),
    clientCert: await text('client.pem'),
    clientKey: await text('client.key'),
  };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { code, stderr } = await runTool('openssl', args);
  if (code !== 0) throw new TestkitError('ERR_TESTKIT_TOOL_FAILED', `openssl ${args[0]}: ${stderr}`);
}
