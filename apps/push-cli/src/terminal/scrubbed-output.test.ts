import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { scrubbedOutput, secretsInArguments, secretsInProxies } from './scrubbed-output.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('a secret goes in any letter case, percent-encoded and in base64', () => {
  const stream = new PassThrough();
  const output = scrubbedOutput(stream, ['alice:S3cr#t', 'S3cr#t']);
  for (const form of ['S3cr#t', 's3cr#T', encodeURIComponent('S3cr#t'), base64('alice:S3cr#t'), base64('S3cr#t')]) {
    output.write(`before ${form} after\n`);
  }
  expect(String(stream.read()).trim().split('\n')).toEqual(Array.from({ length: 5 }, () => 'before *** after'));
});

test.each([
  ['pass', 'has a password in it: give --password-stdin', 'has a password in it: give --password-stdin'],
  ['pass', 'denied for user:pass, PASS and "pass"', 'denied for user:***, *** and "***"'],
  ['stop', 'GET http://h/?x=stop&y=1 stopped', 'GET http://h/?x=***&y=1 stopped'],
  ['p4ss', 'xp4ssy', 'x***y'],
])('of the secret %s, %s', (secret, text, shown) => {
  const stream = new PassThrough();
  scrubbedOutput(stream, [secret]).write(text);
  expect(String(stream.read())).toBe(shown);
});

test('without secrets, or with ones that are too short to tell, the stream is the stream', () => {
  const stream = new PassThrough();
  expect(scrubbedOutput(stream, [])).toBe(stream);
  expect(scrubbedOutput(stream, ['a:b', ''])).toBe(stream);
});

test('all else of the stream is its own', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 40 });
  const output = scrubbedOutput(stream, ['secret-word']);
  expect([output.isTTY, output.columns, output.writable]).toEqual([true, 40, true]);
  output.end('the secret-word\n');
  expect(String(stream.read())).toBe('the ***\n');
});

test.each([
  [
    ['push', 'a.tar', 'alice:S3cret@ghcr.io/app'],
    ['alice:S3cret', 'S3cret'],
  ],
  [
    ['push', '--learn-from=alice:S3cret@ghcr.io/app'],
    ['alice:S3cret', 'S3cret'],
  ],
  [['push', 'a.tar', 'ghcr.io/app:1'], []],
])('secrets of the arguments %j', (args, secrets) => {
  expect(secretsInArguments(args)).toEqual(expect.arrayContaining(secrets));
  if (secrets.length === 0) expect(secretsInArguments(args)).toEqual([]);
});

test.each([
  ['http://bob:p%40ss@proxy:3128', ['p%40ss', 'p@ss']],
  ['bob:1234#word@127.0.0.1:3128', ['1234#word', 'bob:1234']],
  ['http://bob:12?word/x@127.0.0.1:3128', ['12?word/x', 'bob:12']],
  ['http://proxy:3128', []],
])('secrets of the proxy %j', (value, secrets) => {
  const found = secretsInProxies({ HTTPS_PROXY: value, NO_PROXY: value });
  expect(found).toEqual(expect.arrayContaining(secrets));
  if (secrets.length === 0) expect(found).toEqual([]);
});
