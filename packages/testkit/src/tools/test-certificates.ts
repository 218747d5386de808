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
  /** Of further clients, by the names that were asked for. */
  readonly clients: Readonly<Record<string, { readonly cert: string; readonly key: string }>>;
}

export interface TestCertificatesOptions {
  /** Further clients: their subject as openssl writes it (`/O=team/CN=ci`), and their alternative names. */
  readonly clients?:
    | Readonly<Record<string, { readonly subject: string; readonly alternatives?: string | undefined }>>
    | undefined;
}

/**
 * Makes certificates that last a day, with openssl.
 * @throws {TestkitError} ERR_TESTKIT_TOOL_MISSING, or ERR_TESTKIT_TOOL_FAILED
 */
export async function testCertificates({ clients = {} }: TestCertificatesOptions = {}): Promise<TestCertificates> {
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
  for (const [name, { alternatives }] of Object.entries(clients)) {
    const further = alternatives === undefined ? '' : `subjectAltName=${alternatives}\n`;
    await writeFile(at(`${name}.ext`), `extendedKeyUsage=clientAuth\n${further}`);
  }
  const subjects = {
    server: '/CN=slipway test server',
    client: '/CN=slipway test client',
    ...Object.fromEntries(Object.entries(clients).map(([name, { subject }]) => [name, subject])),
  };
  for (const [name, subject] of Object.entries(subjects)) {
    await openssl(['req', ...key, at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', subject]);
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
    clients: Object.fromEntries(
      await Promise.all(
        Object.keys(clients).map(async (name) => {
          const [cert, privateKey] = [await text(`${name}.pem`), await text(`${name}.key`)];
          return [name, { cert, key: privateKey }] as const;
        }),
      ),
    ),
  };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { code, stderr } = await runTool('openssl', args);
  if (code !== 0) throw new TestkitError('ERR_TESTKIT_TOOL_FAILED', `openssl ${args[0]}: ${stderr}`);
}
