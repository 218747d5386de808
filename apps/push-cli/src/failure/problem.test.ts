import { describe, expect, test } from 'vitest';
import { problemLines, problemOf } from './problem.ts';

describe('problemOf', () => {
  test('the cause is told once, whether or not the outer message has it', () => {
    const cause = new Error('connection refused');
    expect(problemOf(new Error('Could not push', { cause })).message).toBe('Could not push: connection refused');
    expect(problemOf(new Error('Could not push: connection refused', { cause })).message).toBe(
      'Could not push: connection refused',
    );
  });

  test('an error that has a code of its own has said all there is to say', () => {
    const cause = new Error('ENOENT: no such file or directory, stat');
    expect(problemOf(coded('ERR_SOURCE_NOT_FOUND', { cause }, 'Cannot open it')).message).toBe('Cannot open it');
  });

  test('the code is that of the reason, not of the wrapper', () => {
    const cause = coded('ERR_REGISTRY_DENIED');
    expect(problemOf(coded('ERR_PUSH_FAILED', { cause })).code).toBe('ERR_REGISTRY_DENIED');
    expect(problemOf(coded('ERR_PUSH_FAILED')).code).toBe('ERR_PUSH_FAILED');
    expect(problemOf(new Error('none')).code).toBeUndefined();
  });

  test('the hint that the error carries goes before the one for its code', () => {
    const cause = coded('ERR_REGISTRY_DENIED', { hint: 'ask the owner' });
    expect(problemOf(coded('ERR_PUSH_FAILED', { cause })).hint).toBe('ask the owner');
    expect(problemOf(coded('ERR_REGISTRY_DENIED')).hint).toContain('may push');
    expect(problemOf(new Error('self-signed certificate')).hint).toBeUndefined();
  });
});

describe('problemLines', () => {
  test('a failure is one line and a hint, never a stack', () => {
    const lines = problemLines(coded('ENOSPC', {}, 'no space\nleft'), { subject: 'ghcr.io/a:b' });
    expect(lines).toEqual([
      'slipway: ghcr.io/a:b: no space left',
      '  hint: free some space, or point TMPDIR and --data-dir at a disk with room',
    ]);
  });

  test('verbose adds the causes', () => {
    const error = coded('ERR_PUSH_FAILED', { cause: coded('ECONNRESET', {}, 'reset') }, 'Could not push');
    expect(problemLines(error, { verbose: true })).toEqual([
      'slipway: Could not push: reset',
      '  cause: Error · ERR_PUSH_FAILED · Could not push',
      '  cause: Error · ECONNRESET · reset',
    ]);
  });
});

test('what OpenSSL says is told without its addresses and source files', () => {
  const text = '80CC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/x.c:355:\n';
  const [, line] = problemLines(new Error('failed', { cause: new Error(text.replace('80CC', '80CCB331017F0000')) }), {
    verbose: true,
  }).filter((each) => each.startsWith('  cause'));
  expect(line).toBe('  cause: Error · wrong version number (0A00010B)');
});

function coded(code: string, { cause, ...rest }: { cause?: Error; hint?: string } = {}, message = code): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { code, ...rest });
}
