import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DebianRegistry,
  randomImage,
  requireTool,
  runTool,
  startDebianRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

const missing = requireTool('docker-registry', 'skopeo', 'openssl');
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const password = 'a password that is shown to nobody';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyText = privateKey.export({
  format: 'pem',
  type: 'pkcs8',
  cipher: 'aes-256-cbc',
  passphrase: password,
}) as string;

interface Signed {
  readonly digest: string;
  readonly signatures: readonly { readonly subject: string; readonly tag: string; readonly digest: string }[];
}

let folder: TemporaryFolder;
let registry: DebianRegistry;
beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(file('my.key'), keyText);
  await writeFile(file('my.pub'), publicKey.export({ format: 'pem', type: 'spki' }));
  const others = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  await writeFile(file('other.pub'), others.export({ format: 'pem', type: 'spki' }));
  const image = await randomImage({ seed: 'signed', layers: [{ size: 3000 }] });
  await writeDockerArchive(file('app.tar'), [{ image, references: ['demo/app:v1'] }]);
  if (missing === false) registry = await startDebianRegistry();
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const file = (name: string): string => join(folder.path, name);

function push(name: string, ...args: readonly string[]): Promise<CliResult> {
  const data = ['--data-dir', file('data'), '--plain-http', '--json'];
  const env = { COSIGN_PASSWORD: password };
  return runCli(['push', file('app.tar'), `${registry.host}/${name}`, ...data, ...args], { env });
}

async function documentAt(path: string): Promise<Uint8Array> {
  const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' };
  const answer = await fetch(`${registry.url}/v2/${path}`, { headers });
  expect(answer.status).toBe(200);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Copies an image under a policy that wants a signature of a key, in cosign's form. */
async function copyWithPolicy(name: string, key: string): Promise<{ readonly code: number; readonly stderr: string }> {
  const wanted = { type: 'sigstoreSigned', keyPath: file(key) };
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [registry.host]: [wanted] } } };
  await writeFile(file('policy.json'), JSON.stringify(policy));
  await writeFile(file('registries.yaml'), `docker:\n  ${registry.host}:\n    use-sigstore-attachments: true\n`);
  const settings = ['--policy', file('policy.json'), '--registries.d', folder.path];
  const copy = ['copy', '--src-tls-verify=false', `docker://${registry.host}/${name}`, `dir:${file('copy')}`];
  return await runTool('skopeo', [...settings, ...copy]);
}

describe.skipIf(missing)('slipway push --sign-key', () => {
  test('makes signatures that openssl verifies and skopeo finds', async () => {
    const pushed = await push('demo/app:1', '--sign-key', file('my.key'), '--verbose');
    expect(pushed.stderr).toMatch(/sha256-[0-9a-f]{64}\.sig: digest: sha256:/);
    expect(pushed.code).toBe(0);
    const told = JSON.parse(pushed.stdout) as Signed;
    expect(told.signatures).toMatchObject([{ subject: told.digest, identity: `${registry.host}/demo/app:1` }]);
    for (const line of [password, ...keyText.trim().split('\n').slice(1, -1)]) {
      expect(pushed.stdout + pushed.stderr).not.toContain(line);
    }

    const [{ tag } = { tag: '' }] = told.signatures;
    const { layers } = JSON.parse(new TextDecoder().decode(await documentAt(`demo/app/manifests/${tag}`)));
    expect(layers).toHaveLength(1);
    const signature = layers[0].annotations['dev.cosignproject.cosign/signature'];
    await writeFile(file('signature'), Buffer.from(signature, 'base64'));
    await writeFile(file('payload'), await documentAt(`demo/app/blobs/${layers[0].digest}`));
    const verify = ['dgst', '-sha256', '-verify', file('my.pub'), '-signature', file('signature'), file('payload')];
    expect(await runTool('openssl', verify)).toMatchObject({ code: 0, stdout: 'Verified OK\n' });

    // Debian's skopeo looks for signatures, and has the comparison with the key patched out: it says so for each it
    // finds.
    const wanted = await copyWithPolicy('demo/app:1', 'my.pub');
    const isPatched = wanted.stderr.includes('sigstore disabled');
    if (isPatched) expect(wanted.stderr.split('sigstore disabled')).toHaveLength(2);
    else expect(wanted).toMatchObject({ code: 0 });
    const other = await copyWithPolicy('demo/app:1', 'other.pub');
    expect(other.code).not.toBe(0);
    if (!isPatched) expect(other.stderr).toContain('cryptographic signature verification failed');

    const again = await push('demo/app:1', '--sign-key', file('my.key'));
    expect(JSON.parse(again.stdout)).toMatchObject({
      unchanged: true,
      signatures: [{ ...told.signatures[0], unchanged: true }],
    });
  });

  test('a key that cannot be used is told before anything is sent, and is in no message', async () => {
    const wrong = await runCli(
      ['push', file('app.tar'), `${registry.host}/demo/no:1`, '--plain-http', '--sign-key', file('my.key')],
      { env: { COSIGN_PASSWORD: 'another' } },
    );
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('cannot be decrypted: the password is wrong');
    const pasted = await push('demo/no:1', '--sign-key', keyText);
    expect(pasted.code).toBe(2);
    expect(pasted.stdout + pasted.stderr).not.toContain(keyText.split('\n')[1]);
    expect((await fetch(`${registry.url}/v2/demo/no/tags/list`)).status).toBe(404);
  });

  test('a daemon signs for nobody', async () => {
    const signed = await push('demo/app:1', '--sign-key', file('my.key'), '--daemon', 'unix:///nowhere');
    expect(signed).toMatchObject({ code: 2, stderr: expect.stringContaining('--sign-key is not taken by a daemon') });
  });
});
