import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFakeHome, type FakeHome, keychainScript } from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCredentialHelper } from '../src/credential-helper.ts';

let home: FakeHome;
beforeEach(async () => {
  home = await createFakeHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const open = (name: string, timeoutMs = 20_000) =>
  openCredentialHelper(name, { env: home.env, namedBy: '~/.docker/config.json', timeoutMs });

const answers = (answer: object): string => `cat > /dev/null; echo '${JSON.stringify(answer)}'`;

describe('a helper that works', () => {
  test.each([
    ['a user', { Username: 'me', Secret: 'pw' }, { kind: 'basic', username: 'me', password: 'pw' }],
    ['an identity token', { Username: '<token>', Secret: 'id' }, { kind: 'identity-token', token: 'id' }],
    ['an empty secret', { Username: 'me', Secret: '' }, undefined],
  ])('get: %s', async (_, answer, expected) => {
    await home.helper('test', answers({ ServerURL: 'ghcr.io', ...answer }));
    expect((await open('test').get('ghcr.io')).credentials).toEqual(expected);
  });

  test('is handed the address on its input and the action as its argument', async () => {
    await home.helper('test', 'printf "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$(cat)\\"}"');
    const { credentials } = await open('test').get('ghcr.io');
    expect(credentials).toEqual({ kind: 'basic', username: 'get', password: 'ghcr.io' });
  });

  test('keeps, finds, forgets and lists', async () => {
    await home.helper('test', keychainScript);
    const helper = open('test');
    const nothing = { credentials: undefined, said: undefined };
    await expect(helper.get('ghcr.io')).resolves.toEqual(nothing);
    await helper.store('ghcr.io', { kind: 'identity-token', token: 'id' });
    await expect(helper.get('ghcr.io')).resolves.toMatchObject({
      credentials: { kind: 'identity-token', token: 'id' },
    });
    await expect(helper.erase('ghcr.io')).resolves.toBe(true);
    await expect(helper.get('ghcr.io')).resolves.toEqual(nothing);
    await expect(helper.list()).resolves.toEqual({ 'ghcr.io': 'me' });
  });

  test('may leave its input unread', async () => {
    await home.helper('test', `exec < /dev/null; echo '{"Username":"me","Secret":"pw"}'`);
    await expect(open('test').get('x'.repeat(1_000_000))).resolves.toMatchObject({ credentials: { username: 'me' } });
  });

  test('may leave a child behind that keeps its output open', async () => {
    await home.helper('test', `cat > /dev/null; sleep 3 & echo '{"Username":"me","Secret":"pw"}'`);
    await expect(open('test').get('ghcr.io')).resolves.toMatchObject({ credentials: { username: 'me' } });
  });
});

describe('a helper that does not', () => {
  test.each<[string, string, RegExp]>([
    [
      'exits with a code and a reason',
      'echo "error: keychain is locked"; exit 3',
      /^docker-credential-test get failed with code 3: error: keychain is locked$/,
    ],
    ['complains on standard error', 'echo "gpg: No secret key" >&2; exit 2', /failed with code 2: gpg: No secret key$/],
    ['fails without a word', 'exit 1', /failed with code 1 and said nothing$/],
    ['is killed', 'kill -9 $$', /failed with a signal/],
    ['prints control characters', `printf 'a\\033[31mb\\nc'; exit 1`, /failed with code 1: a \[31mb c$/],
    ['prints a novel', `head -c 5000 /dev/zero | tr '\\0' x; exit 1`, /: x{400}…$/],
    [
      'answers with rubbish',
      'echo hunter2',
      /^docker-credential-test get answered nonsense: expected JSON with `Username` and `Secret`$/,
    ],
    ['answers with other JSON', answers({ Username: 'me' }), /answered nonsense/],
    ['answers with an array', `echo '["hunter2"]'`, /answered nonsense/],
  ])('%s', async (_, script, message) => {
    await home.helper('test', script);
    await expect(open('test').get('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIAL_HELPER',
      message: expect.stringMatching(message),
      facts: { helper: 'docker-credential-test', file: '~/.docker/config.json' },
    });
  });

  test.each<[string, string, string]>([
    [
      'why it has no token',
      `echo "ERROR: (gcloud.auth.docker-helper) There was a problem refreshing your current auth tokens: Reauthentication failed" >&2; exit 1`,
      'refreshing your current auth tokens: Reauthentication failed',
    ],
    [
      "an SDK's sentence",
      `echo "could not retrieve GCR's access token: oauth2: \\"invalid_grant\\" \\"reauth related error (invalid_rapt)\\""; exit 1`,
      `could not retrieve GCR's access token: oauth2: "invalid_grant" "reauth related error (invalid_rapt)"`,
    ],
    [
      'a program that is missing',
      'echo "exec: gpg: executable file not found in \\$PATH" >&2; exit 1',
      'file not found in $PATH',
    ],
    [
      'a request with its number',
      'echo "StatusCode: 403, RequestID: 8f6b1c9e-3f1a-4b7e-9c55-0d1f2a3b4c5d, ExpiredTokenException: The security token included in the request is expired" >&2; exit 1',
      'RequestID: 8f6b1c9e-3f1a-4b7e-9c55-0d1f2a3b4c5d, ExpiredTokenException: The security token included in the request is expired',
    ],
  ])('tells %s', async (_, script, sentence) => {
    await home.helper('test', script);
    await expect(open('test').get('ghcr.io')).rejects.toMatchObject({ message: expect.stringContaining(sentence) });
  });

  test('says why it has none, apart from that it has none', async () => {
    await home.helper(
      'test',
      'echo "the session tok-SECRET-abcdef0123456789 has expired" >&2; echo "credentials not found"; exit 1',
    );
    await expect(open('test').get('ghcr.io')).resolves.toEqual({
      credentials: undefined,
      said: 'the session *** has expired',
    });
  });

  test.each([
    ['an answer and a failure', `echo '{"Username":"me","Secret":"hunter2"}'; exit 1`],
    ['a variable', 'echo "AWS_SECRET_ACCESS_KEY=hunter2" >&2; exit 1'],
    ['a header', 'echo "Authorization: Basic hunter2" >&2; exit 1'],
    ['rubbish', 'echo hunter2'],
    ['rubbish and a failure', 'echo hunter2; exit 1'],
    ['a flag', 'echo "usage: login --password=hunter2" >&2; exit 1'],
    ['a URL', 'echo "cannot fetch https://me:hunter2@example.org/token" >&2; exit 1'],
    ['a sentence that ends in it', 'echo "wrong password: hunter2" >&2; exit 1'],
    ['an answer that is cut short', `printf '{"Username":"me","Secret":"hunter2'; exit 1`],
  ])('does not leak a secret by %s', async (_, script) => {
    await home.helper('test', script);
    const error = await open('test')
      .get('ghcr.io')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_CREDENTIAL_HELPER' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2');
  });

  test('is missing', async () => {
    await expect(open('nowhere').get('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIAL_HELPER',
      message: 'docker-credential-nowhere get could not be run: there is no such program in PATH',
      facts: { reason: 'helper-missing', helper: 'docker-credential-nowhere', file: '~/.docker/config.json' },
    });
  });

  test('may not be run', async () => {
    await home.write('bin/docker-credential-plain', 'no program');
    await expect(open('plain').get('ghcr.io')).rejects.toMatchObject({
      message: expect.stringMatching(/could not be run: EACCES$/),
    });
  });

  test('hangs: it is killed with its children', async () => {
    await home.helper('test', `(sleep 1; touch "$HOME/child-survived") & sleep 60`);
    await expect(open('test', 200).get('ghcr.io')).rejects.toMatchObject({
      code: 'ERR_CREDENTIAL_HELPER',
      message: 'docker-credential-test get did not answer within 200 ms',
    });
    // The child would have touched the file by then, had it lived.
    await sleep(1_500);
    await expect(access(join(home.homeFolder, 'child-survived'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('writes without end: it is killed', async () => {
    await home.helper('test', 'while :; do printf %1024s x; done');
    await expect(open('test').get('ghcr.io')).rejects.toMatchObject({
      message: 'docker-credential-test get wrote more than 1048576 bytes',
    });
  });

  test('does not leak what it was to store, in any letter case and in base64', async () => {
    await home.helper('test', `cat | tr a-z A-Z >&2; printf 'correct horse' | base64 >&2; exit 1`);
    const credentials = { kind: 'basic', username: 'me', password: 'correct horse' } as const;
    const error: Error = await open('test')
      .store('ghcr.io', credentials)
      .then(
        () => expect.fail('expected a rejection'),
        (thrown) => thrown,
      );
    expect(error.message).not.toMatch(/correct horse/i);
    expect(error.message).not.toContain(Buffer.from('correct horse').toString('base64').slice(0, 12));
  });

  test('has not found what it was to store: that is a failure', async () => {
    await home.helper('test', 'echo "credentials not found"; exit 1');
    await expect(
      open('test').store('ghcr.io', { kind: 'basic', username: 'me', password: 'pw' }),
    ).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_HELPER' });
    await expect(open('test').erase('ghcr.io')).resolves.toBe(false);
    await expect(open('test').list()).resolves.toEqual({});
  });
});
