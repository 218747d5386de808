import { describe, expect, test } from 'vitest';
import { causesOf, exitCodeOf } from './exit-code.ts';

describe('exitCodeOf', () => {
  test.each([
    ['an ordinary failure', coded('ERR_REGISTRY_UNEXPECTED'), 1],
    ['an error without a code', new Error('what'), 1],
    ['no error at all', 'text', 1],
    ['wrong usage', coded('ERR_CLI_USAGE'), 2],
    ['several images and no choice', coded('ERR_CLIENT_SEVERAL_ITEMS'), 2],
    ['a bad reference', coded('ERR_REFERENCE_INVALID'), 2],
    ['a digest as destination', coded('ERR_PUSH_DIGEST_REFERENCE'), 2],
    ['a platform that is not there', coded('ERR_PUSH_NO_PLATFORM', { origin: 'request' }), 2],
    ['an image for a platform that an index does not have', coded('ERR_REGISTRY_NO_IMAGE'), 2],
    ['a text that is no source', coded('ERR_SOURCE_TEXT', { origin: 'source' }), 2],
    ['an unauthorized request', coded('ERR_REGISTRY_UNAUTHORIZED'), 3],
    ['a denied request', coded('ERR_REGISTRY_DENIED'), 3],
    ['a missing source', coded('ERR_SOURCE_NOT_FOUND'), 4],
    ['a broken source', coded('ERR_SOURCE_INVALID'), 4],
    ['a source without content', coded('ERR_CLIENT_NO_ITEM'), 4],
    ['no room to spool a source', coded('ERR_SOURCE_SPOOL', { cause: coded('ENOSPC') }), 1],
    ['an unreachable registry', coded('ERR_REGISTRY_UNREACHABLE'), 5],
    ['a proxy that does not open the way', coded('ERR_PROXY_REFUSED'), 5],
    ['a refused connection', coded('ECONNREFUSED'), 5],
    ['an interruption', coded('ERR_CLI_INTERRUPTED'), 130],
    ['an abort', Object.assign(new Error('aborted'), { name: 'AbortError' }), 130],
  ])('%s', (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  test.each([
    ['the cause of a failed push decides', coded('ERR_PUSH_FAILED', { cause: coded('ERR_REGISTRY_DENIED') }), 3],
    [
      'the cause of exhausted retries decides',
      coded('ERR_PUSH_FAILED', {
        origin: 'destination',
        cause: coded('ERR_RETRIES_EXHAUSTED', { cause: coded('ERR_REGISTRY_UNREACHABLE') }),
      }),
      5,
    ],
    [
      'bytes that changed in the source are the source’s fault',
      coded('ERR_PUSH_FAILED', { origin: 'source', cause: coded('ERR_DIGEST_MISMATCH') }),
      4,
    ],
    [
      'bytes that changed on the way are not',
      coded('ERR_PUSH_FAILED', { origin: 'destination', cause: coded('ERR_DIGEST_MISMATCH') }),
      1,
    ],
    ['a file that vanished', coded('ERR_PUSH_FAILED', { origin: 'source', cause: coded('ENOENT') }), 4],
    ['a request that cannot be met', coded('ERR_PUSH_FAILED', { origin: 'request' }), 2],
    [
      'a machine that had no file handle for a connection',
      coded('ERR_PUSH_FAILED', {
        origin: 'machine',
        cause: coded('ERR_REGISTRY_NOT_ASKED', { cause: coded('EMFILE') }),
      }),
      1,
    ],
    ['one that had none for the source', coded('ERR_SOURCE_UNREADABLE', { cause: coded('EMFILE') }), 1],
    ['one that had none for a daemon', coded('ERR_CLI_DAEMON_UNREACHABLE', { cause: coded('ENFILE') }), 1],
    ['the first of several errors', new AggregateError([coded('ECONNREFUSED'), coded('EACCES')]), 5],
  ])('%s', (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  test('a ring of causes ends', () => {
    const ring = new Error('ring');
    ring.cause = ring;
    expect(causesOf(ring)).toEqual([ring]);
    expect(exitCodeOf(ring)).toBe(1);
  });
});

function coded(code: string, { cause, ...rest }: { cause?: Error; origin?: string } = {}): Error {
  return Object.assign(new Error(code.toLowerCase(), cause === undefined ? undefined : { cause }), { code, ...rest });
}
