import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { asNobody, createFakeHome, type FakeHome, runTool } from '@slipway/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeTLS, loadTLSOptions, type TLSSources } from '../../src/tls/tls-options.ts';
import { type MadeCertificate, makeCertificate } from './make-certificate.ts';

let made: FakeHome;
let authority: MadeCertificate;
let other: MadeCertificate;
let client: MadeCertificate;
beforeAll(async () => {
  made = await createFakeHome();
  authority = await makeCertificate(made.homeFolder, { name: 'authority', isAuthority: true });
  other = await makeCertificate(made.homeFolder, { name: 'other', isAuthority: true });
  client = await makeCertificate(made.homeFolder, { name: 'client', issuer: authority });
});
afterAll(() => made[Symbol.asyncDispose]());

let home: FakeHome;
let warnings: string[];
beforeEach(async () => {
  home = await createFakeHome();
  warnings = [];
});
afterEach(() => home[Symbol.asyncDispose]());

const load = (options: Partial<TLSSources> = {}, registry = 'registry.test:5000') =>
  loadTLSOptions(registry, {
    env: {},
    homeFolder: home.homeFolder,
    systemFolders: [join(home.homeFolder, 'etc/containers'), join(home.homeFolder, 'etc/docker')],
    bundles: [],
    onWarning: (message) => warnings.push(message),
    ...options,
  });
const trimmed = (texts: string | readonly string[] | undefined): string[] =>
  [texts ?? []].flat().map((text) => text.trim());
/** What is trusted beyond Node's own list, which must be there as well. */
const added = (ca: string | readonly string[] | undefined): string[] => {
  expect(trimmed(ca)).toEqual(expect.arrayContaining(trimmed(rootCertificates.slice(0, 3))));
  return trimmed(ca).slice(rootCertificates.length);
};

describe('authorities', () => {
  test('without any, Node decides', async () => {
    await expect(load()).resolves.toEqual({});
  });

  test("those of the registry's folder are added to those of the system", async () => {
    await home.write('etc/docker/registry.test:5000/ca.crt', authority.cert);
    const bundle = await home.write('bundle.pem', `# other\n${other.cert}`);
    const { ca } = await load({ bundles: [join(home.homeFolder, 'nowhere.pem'), bundle] });
    expect(added(ca)).toEqual(trimmed([other.cert, authority.cert]));
  });

  test('a file may hold several, or one in DER', async () => {
    await home.write('etc/docker/registry.test:5000/two.crt', authority.cert + other.cert);
    expect(added((await load()).ca)).toEqual(trimmed([authority.cert, other.cert]));
    const der = Buffer.from(other.cert.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    await writeFile(join(home.homeFolder, 'etc/docker/registry.test:5000/two.crt'), der);
    expect(added((await load()).ca)).toEqual(trimmed([other.cert]));
  });

  test('SSL_CERT_FILE stands in for the bundle, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS are added, each certificate once', async () => {
    const bundle = await home.write('bundle.pem', other.cert);
    const file = await home.write('file.pem', authority.cert);
    await home.write('folder/one.pem', client.cert);
    await home.write('folder/again.0', client.cert);
    await home.write('folder/README', 'no certificate');
    const env = {
      SSL_CERT_FILE: file,
      SSL_CERT_DIR: `${home.homeFolder}/nowhere:${home.homeFolder}/folder`,
      NODE_EXTRA_CA_CERTS: file,
    };
    expect(added((await load({ env, bundles: [bundle] })).ca)).toEqual(trimmed([authority.cert, client.cert]));
    const extra = { NODE_EXTRA_CA_CERTS: file };
    expect(added((await load({ env: extra, bundles: [bundle] })).ca)).toEqual(trimmed([other.cert, authority.cert]));
  });

  test('what Node trusts already is not added', async () => {
    const bundle = await home.write('bundle.pem', rootCertificates.slice(0, 5).join('\n'));
    await expect(load({ bundles: [bundle] })).resolves.toEqual({});
  });

  test('a bad certificate in a bundle is passed over, and so is a bad SSL_CERT_FILE, which is told', async () => {
    const bad = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const bundle = await home.write('bundle.pem', bad + other.cert);
    expect(added((await load({ bundles: [bundle] })).ca)).toEqual(trimmed([other.cert]));
    const file = join(home.homeFolder, 'nowhere.pem');
    expect(added((await load({ env: { SSL_CERT_FILE: file }, bundles: [bundle] })).ca)).toEqual(trimmed([other.cert]));
    expect(warnings).toEqual([`cannot read ${file}: ENOENT; SSL_CERT_FILE names it, and is left out of account`]);
  });
});

describe('folders', () => {
  test.each(['.config/containers/certs.d', '.config/docker/certs.d', 'etc/containers', 'etc/docker'])(
    '%s',
    async (folder) => {
      await home.write(`${folder}/registry.test:5000/ca.crt`, authority.cert);
      expect(added((await load()).ca)).toEqual(trimmed([authority.cert]));
      await expect(load({}, 'registry.test')).resolves.toEqual({});
    },
  );

  test('the first that exists counts alone', async () => {
    await home.write('.config/containers/certs.d/registry.test:5000/ca.crt', authority.cert);
    await home.write('etc/docker/registry.test:5000/ca.crt', other.cert);
    expect(added((await load()).ca)).toEqual(trimmed([authority.cert]));
  });

  test('a named folder stands in for all others; the registry may have its own in it', async () => {
    await home.write('etc/docker/registry.test:5000/ca.crt', other.cert);
    await home.write('named/ca.crt', authority.cert);
    const certFolder = join(home.homeFolder, 'named');
    expect(added((await load({ certFolder })).ca)).toEqual(trimmed([authority.cert]));
    await home.write('named/registry.test:5000/ca.crt', client.cert);
    expect(added((await load({ certFolder })).ca)).toEqual(trimmed([client.cert]));
  });

  test('an insecure registry takes no authorities, and only what a named folder has of a client', async () => {
    await home.write('etc/docker/registry.test:5000/broken.cert', 'rubbish');
    await expect(load({ isInsecure: true })).resolves.toEqual({ rejectUnauthorized: false });
    await home.write('named/a.cert', client.cert);
    await home.write('named/a.key', client.key);
    const options = await load({ isInsecure: true, certFolder: join(home.homeFolder, 'named') });
    expect(options).toEqual({ rejectUnauthorized: false, cert: client.cert.trim(), key: client.key });
  });

  test('a folder that is closed to the user is passed over, unless it was named', async () => {
    await home.write('etc/docker/registry.test:5000/ca.crt', authority.cert);
    const closed = join(home.homeFolder, 'etc/docker/registry.test:5000');
    await chmod(closed, 0);
    await asNobody(async () => {
      await expect(load()).resolves.toEqual({});
      await expect(load({ certFolder: closed })).rejects.toMatchObject({ code: 'ERR_CERTIFICATE_FILE' });
    });
    await chmod(closed, 0o700);
  });

  test('links that lead nowhere are passed over, and told in a folder that was named', async () => {
    await home.write('etc/docker/registry.test:5000/ca.crt', authority.cert);
    const folder = join(home.homeFolder, 'etc/docker/registry.test:5000');
    await symlink('/nonexistent/rhsm/ca.pem', join(folder, 'redhat-ca.crt'));
    expect(added((await load()).ca)).toEqual(trimmed([authority.cert]));
    expect(warnings).toEqual([]);
    expect(added((await load({ certFolder: folder })).ca)).toEqual(trimmed([authority.cert]));
    expect(warnings).toEqual([`cannot read ${folder}/redhat-ca.crt: ENOENT; it is left out of account`]);
    await expect(load({ certFolder: folder, isInsecure: true })).resolves.toEqual({ rejectUnauthorized: false });
  });

  test.each<[string, (path: string) => Promise<unknown>, RegExp]>([
    [
      'a file that is no certificate',
      (path) => writeFile(path, ''),
      /zz\.crt: it is neither PEM nor DER of one; it is left/,
    ],
    ['a folder in place of a file', (path) => mkdir(path), /zz\.crt: EISDIR; it is left/],
    [
      'a pipe that nobody writes to',
      (path) => runTool('mkfifo', [path]),
      /zz\.crt: it is a pipe, not a file; it is left/,
    ],
    ['a device without an end', (path) => symlink('/dev/zero', path), /zz\.crt: it has more than the 4194304 bytes/],
    [
      'a file too large',
      (path) => writeFile(path, 'x'.repeat(5 * 1024 * 1024)),
      /zz\.crt: it has more than the 4194304 bytes allowed; it/,
    ],
  ])('%s among the authorities is passed over, and told', async (_, make, warning) => {
    await home.write('etc/docker/registry.test:5000/ca.crt', authority.cert);
    await make(join(home.homeFolder, 'etc/docker/registry.test:5000/zz.crt'));
    expect(added((await load()).ca)).toEqual(trimmed([authority.cert]));
    expect(warnings).toEqual([expect.stringMatching(warning)]);
  });

  test("a client's key that is root's is passed over with its certificate, and told", async () => {
    await home.write('etc/docker/registry.test:5000/ca.crt', authority.cert);
    await home.write('etc/docker/registry.test:5000/client.cert', client.cert);
    await chmod(await home.write('etc/docker/registry.test:5000/client.key', client.key), 0);
    await chmod(home.homeFolder, 0o755);
    await asNobody(async () => {
      const options = await load();
      expect(added(options.ca)).toEqual(trimmed([authority.cert]));
      expect(options).not.toHaveProperty('cert');
    });
    expect(warnings).toEqual([expect.stringMatching(/client\.key: EACCES; it is left out of account$/)]);
  });

  test.each(['nowhere/certs', 'a-file'])('a named folder that is none is refused: %s', async (name) => {
    await home.write('a-file', 'no folder');
    const certFolder = join(home.homeFolder, name);
    await expect(load({ certFolder })).rejects.toMatchObject({
      code: 'ERR_CERTIFICATE_FILE',
      message: `the certificate folder ${certFolder} does not exist, or is no folder`,
      facts: { reason: 'unreadable', file: certFolder },
    });
  });

  test("XDG_CONFIG_HOME leads to the user's folders, unless it is not absolute; without a home folder there are none", async () => {
    await home.write('xdg/containers/certs.d/registry.test:5000/ca.crt', authority.cert);
    await home.write('.config/docker/certs.d/registry.test:5000/ca.crt', other.cert);
    const at = (folder: string) => load({ env: { XDG_CONFIG_HOME: folder } });
    expect(added((await at(join(home.homeFolder, 'xdg'))).ca)).toEqual(trimmed([authority.cert]));
    expect(added((await at('xdg')).ca)).toEqual(trimmed([other.cert]));
    await expect(load({ homeFolder: undefined })).resolves.toEqual({});
  });

  test('describeTLS says what counts, without a key', async () => {
    const path = join(home.homeFolder, 'etc/docker/registry.test:5000');
    await home.write('etc/docker/registry.test:5000/ca.crt', authority.cert);
    await home.write('etc/docker/registry.test:5000/client.cert', client.cert);
    await home.write('etc/docker/registry.test:5000/client.key', client.key);
    const sources = { env: {}, homeFolder: undefined, systemFolders: [join(home.homeFolder, 'etc/docker')] };
    await expect(describeTLS('registry.test:5000', sources)).resolves.toEqual({
      folder: path,
      authorities: 1,
      client: 'client.cert',
      skipped: [],
    });
  });

  test.each(['..', '.', 'a/b', '../etc', 'a\\b', ''])('%j is no registry', async (registry) => {
    await expect(load({}, registry)).rejects.toThrow(TypeError);
  });
});

describe('client certificates', () => {
  const folder = 'etc/docker/registry.test:5000';
  const rejects = async (message: string | RegExp): Promise<void> => {
    const text = typeof message === 'string' ? message : expect.stringMatching(message);
    await expect(load()).rejects.toMatchObject({ code: 'ERR_CERTIFICATE_FILE', message: text });
  };

  test('a pair is used', async () => {
    await home.write(`${folder}/client.cert`, client.cert);
    await home.write(`${folder}/client.key`, client.key);
    await expect(load()).resolves.toEqual({ cert: client.cert.trim(), key: client.key });
  });

  test('of several pairs the first is used, and the others are named', async () => {
    for (const name of ['b', 'a']) {
      await home.write(`${folder}/${name}.cert`, client.cert);
      await home.write(`${folder}/${name}.key`, client.key);
    }
    await load();
    expect(warnings).toEqual(['of the client certificates for registry.test:5000 only a.cert is used, not b.cert']);
  });

  test("a certificate without its key has docker's text", async () => {
    await home.write(`${folder}/client.cert`, client.cert);
    await rejects(
      'missing key client.key for client certificate client.cert. CA certificates must use the extension .crt',
    );
  });

  test("a key without its certificate has docker's text", async () => {
    await home.write(`${folder}/client.key`, client.key);
    await rejects('missing client certificate client.cert for key client.key');
  });

  test.each<[string, string, () => string, RegExp]>([
    ['a certificate that is none', 'client.cert', () => 'rubbish', /client\.cert: it is neither PEM nor DER of one$/],
    ['a key that is none', 'client.key', () => 'rubbish', /client\.key: it is not a private key in PEM$/],
    ["somebody else's key", 'client.key', () => other.key, /client\.key: it does not belong to its certificate$/],
  ])('%s', async (_, name, content, message) => {
    await home.write(`${folder}/client.cert`, client.cert);
    await home.write(`${folder}/client.key`, client.key);
    await home.write(`${folder}/${name}`, content());
    await rejects(message);
  });

  test('an encrypted key says so', async () => {
    const { createPrivateKey } = await import('node:crypto');
    await home.write(`${folder}/client.cert`, client.cert);
    const encrypted = createPrivateKey(client.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    });
    await home.write(`${folder}/client.key`, String(encrypted));
    await rejects(/client\.key: it is encrypted: remove its passphrase$/);
  });
});
