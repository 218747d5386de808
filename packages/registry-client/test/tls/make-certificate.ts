import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate and its key, in PEM, and the paths they were written to. */
export interface MadeCertificate {
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
}

export interface MakeCertificateOptions {
  readonly name: string;
  /** `DNS:localhost,IP:127.0.0.1` */
  readonly names?: string;
  /** @default it signs itself */
  readonly issuer?: MadeCertificate;
  readonly isAuthority?: boolean;
  /** `YYYYMMDDHHMMSSZ` @default from a day ago */
  readonly from?: string;
  /** @default for ten days */
  readonly to?: string;
}

const timestamp = (dayOffset: number): string =>
  new Date(Date.now() + dayOffset * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');

/** Makes a certificate with `openssl ca`, which alone lets any period be chosen. */
export async function makeCertificate(folder: string, options: MakeCertificateOptions): Promise<MadeCertificate> {
  const { name, names, issuer, isAuthority = false, from = timestamp(-1), to = timestamp(10) } = options;
  const at = (ending: string): string => join(folder, `${name}.${ending}`);
  const extensions = [`basicConstraints=CA:${isAuthority}`, ...(names ? [`subjectAltName=${names}`] : [])].join('\n');
  await writeFile(
    at('cnf'),
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${at('db')}\nnew_certs_dir=${folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nx509_extensions=e\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\n${extensions}\n`,
  );
  await writeFile(at('db'), '');
  await run('openssl', [
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    at('key.pem'),
    '-out',
    at('csr'),
    '-subj',
    `/CN=${name}`,
  ]);
  const signer = issuer
    ? ['-cert', issuer.certPath, '-keyfile', issuer.keyPath]
    : ['-selfsign', '-keyfile', at('key.pem')];
  await run('openssl', [
    'ca',
    '-batch',
    '-notext',
    '-config',
    at('cnf'),
    ...signer,
    '-in',
    at('csr'),
    '-out',
    at('cert.pem'),
    '-startdate',
    from,
    '-enddate',
    to,
  ]);
  return {
    cert: await readFile(at('cert.pem'), 'utf8'),
    key: await readFile(at('key.pem'), 'utf8'),
    certPath: at('cert.pem'),
    keyPath: at('key.pem'),
  };
}
