import { ContentMismatchError } from '@slipway/digest';
import { RegistryError } from '@slipway/registry-client';
import { expect, test } from 'vitest';
import { asFormFailure, FormFailure } from './form-failure.ts';

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
}

const memory = new RangeError('WebAssembly.Memory(): could not allocate memory');
const mismatch = new ContentMismatchError('ERR_DIGEST_MISMATCH', 'expected a, got b');
const outOfReach = new RegistryError('GET failed', { code: 'ERR_REGISTRY_UNREACHABLE', transient: true });
const denied = new RegistryError('GET answered 403', { code: 'ERR_REGISTRY_DENIED', status: 403 });

test.each<[string, unknown, 'source' | 'copy', Partial<FormFailure>]>([
  // what                           error                         asked     comes to
  ['a source that is gone', coded('ENOENT'), 'source', { side: 'source', transient: false, mustRestart: true }],
  ['a source with other bytes', mismatch, 'source', { side: 'source', transient: false, mustRestart: true }],
  ['a registry out of reach', outOfReach, 'source', { side: 'source', transient: true, mustRestart: false }],
  [
    'the same, within another',
    coded('X', outOfReach),
    'source',
    { side: 'source', transient: true, mustRestart: false },
  ],
  ['a registry that refuses', denied, 'source', { side: 'source', transient: false, mustRestart: true }],
  ['a copy with other bytes', mismatch, 'copy', { side: 'copy', transient: true, mustRestart: true }],
  ['a copy that cannot be read', coded('EIO'), 'copy', { side: 'copy', transient: true, mustRestart: true }],
  ['a cache that says so', coded('ERR_CACHE_WRITE'), 'source', { side: 'copy', transient: true, mustRestart: true }],
  ['too many open files', coded('EMFILE'), 'source', { side: 'machine', transient: true, mustRestart: false }],
  ['the same, of the copy', coded('ENFILE'), 'copy', { side: 'machine', transient: true, mustRestart: false }],
  [
    'the same, within another',
    coded('X', coded('EMFILE')),
    'source',
    { side: 'machine', transient: true, mustRestart: false },
  ],
  [
    'a thread that ended',
    coded('ERR_DEFLATE_WORKER'),
    'source',
    { side: 'machine', transient: true, mustRestart: false },
  ],
  ['no memory for the decoder', memory, 'source', { side: 'machine', transient: true, mustRestart: false }],
  ['no error at all', 'broken', 'source', { side: 'source', transient: false, message: 'broken' }],
])('%s', (_, error, asked, expected) => {
  const failure = asFormFailure(error, asked);
  expect(failure).toMatchObject(expected);
  expect(failure.cause).toBe(error);
});

test('a wrong argument is no failure of the machine', () => {
  expect(asFormFailure(new RangeError('Expected `from` to be …'), 'source').side).toBe('source');
});

test('a failure stays what it is', () => {
  const failure = new FormFailure('machine', new Error('no thread'));
  expect(asFormFailure(failure, 'source')).toBe(failure);
});
