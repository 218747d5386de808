import { noteRegistryFacts } from '@slipway/client';
import { parseReference, withTag } from '@slipway/reference';
import { RegistryError } from '@slipway/registry-client';
import { describe, expect, test } from 'vitest';
import { JobFailedError } from '../daemon/job.ts';
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

test('what this machine ran out of comes before advice about whom it could not talk to', () => {
  const cause = coded('EMFILE', {}, 'connect EMFILE');
  for (const code of ['ERR_REGISTRY_NOT_ASKED', 'ERR_CLI_DAEMON_UNREACHABLE', 'ERR_SOURCE_UNREADABLE']) {
    expect(problemOf(coded(code, { cause, hint: 'start slipwayd' })).hint).toContain('`ulimit -n`');
  }
});

describe('a text that is no reference', () => {
  test.each([
    ['BAD//', 'is no reference: invalid reference format', 'a reference is [registry/]'],
    ['store:demo/app:1', 'is no reference: invalid reference format', 'write it without store:, as'],
    ['docker://ghcr.io/a/b', 'is no reference', 'write it without docker://, as'],
    ['a//b', 'is no reference', 'a reference is [registry/]repository[:tag]'],
    ['ghcr.io/Me/app', 'must be lowercase', 'ghcr.io/me/app'],
    ['f'.repeat(64), 'cannot specify 64-byte hexadecimal strings', 'a reference is'],
  ])('%s is named, with how to write one', (text, message, hint) => {
    const { code, ...told } = problemOf(refusal(() => parseReference(text)));
    expect(code).toBe('ERR_REFERENCE_INVALID');
    expect(told).toEqual({ message: expect.stringContaining(message), hint: expect.stringContaining(hint) });
    expect(told.message).toContain(JSON.stringify(text));
  });

  test('a tag that is none is called a tag', () => {
    const { message, hint } = problemOf(refusal(() => withTag(parseReference('a/b'), 'x y')));
    expect([message, hint]).toEqual(['"x y" is no tag: invalid tag format', undefined]);
  });
});

describe('a failure that a daemon told', () => {
  test.each([
    ['ERR_REGISTRY_UNREACHABLE', 'destination', 'that the daemon reaches it'],
    ['ERR_REGISTRY_UNREACHABLE', 'source', 'that the daemon reaches it'],
    ['ENOSPC', undefined, 'daemon’s disk'],
    ['EACCES', undefined, 'the daemon’s log'],
    ['ERR_REGISTRY_DENIED', 'source', 'may pull'],
    ['ERR_REGISTRY_DENIED', 'destination', 'may push'],
  ])('%s (%s) has advice about the daemon, and no flag that it does not take', (code, origin, advice) => {
    const { hint } = problemOf(new JobFailedError({ code: 'ERR_PUSH_FAILED', reason: code, message: 'x', origin }));
    expect(hint).toContain(advice);
    expect(hint).not.toMatch(/--(?:plain-http|data-dir|no-cache)/);
  });

  test('its own hint goes first', () => {
    const failure = { code: 'ERR_SOURCE_INVALID', message: 'x', origin: 'source', hint: 'It holds: @0 a:1' };
    expect(problemOf(new JobFailedError(failure)).hint).toBe('It holds: @0 a:1');
  });
});

describe('a registry that is the source', () => {
  const sourceFailure = (details: ConstructorParameters<typeof RegistryError>[1], url = 'https://r/v2/'): Error =>
    coded('ERR_SOURCE_UNREADABLE', {
      origin: 'source',
      cause: new RegistryError(`GET ${url} failed: why`, details),
    });

  test.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls', 'ca.crt'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls', 'without TLS'],
    ['ECONNREFUSED', 'ECONNREFUSED', 'nothing listens there'],
    ['ENOTFOUND', 'ENOTFOUND', 'not known to the DNS'],
    ['UND_ERR', 'timeout', 'the source’s registry'],
  ])('%s has the advice that a destination has', (cause, reason, advice) => {
    const details = { code: 'ERR_REGISTRY_UNREACHABLE', reason, cause: coded(cause) } as const;
    const { hint } = problemOf(sourceFailure(details));
    expect(hint).toContain(advice);
    if (reason !== 'timeout') expect(hint).not.toContain('needs --plain-http');
  });

  test('what was refused without credentials is logged in to by name', async () => {
    const error = sourceFailure({ code: 'ERR_REGISTRY_UNAUTHORIZED', status: 401 });
    expect(problemOf(error).hint).toBe('log in to the source’s registry with `slipway login REGISTRY`');
    noteRegistryFacts(error.cause, {
      registry: 'r.example:5000',
      credentials: { found: undefined, steps: [] },
      wasAsked: true,
    });
    expect(problemOf(error).hint).toBe('slipway login r.example:5000');
  });

  test('whether the account may is another question on that side', () => {
    expect(problemOf(sourceFailure({ code: 'ERR_REGISTRY_DENIED', status: 403 })).hint).toContain('may pull');
    expect(
      problemOf(sourceFailure({ code: 'ERR_REGISTRY_DENIED', status: 403, reason: 'storage', hint: 'the bucket' }))
        .hint,
    ).toBe('the bucket');
  });
});

// What Node throws for TLS: a code of OpenSSL's where there is one, else its words.
test.each([
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'x', 'talks to it without TLS'],
  ['EPROTO', '80CC:error:0A00010B:SSL routines::wrong version number:', 'talks to it without TLS'],
  ['EPROTO', '80CC:error:0A00045C:SSL routines::tlsv13 alert certificate required:', 'x.cert'],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'x', 'x.cert'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'x', 'ca.crt'],
  ['CERT_UNTRUSTED', 'certificate not trusted', 'ca.crt'],
  ['CERT_HAS_EXPIRED', 'x', 'renew'],
])('TLS that fails with %s (%s) has advice of this program', (code, words, advice) => {
  const cause = coded(code, {}, words);
  const error = new RegistryError('GET https://r/v2/ failed', {
    ...{ code: 'ERR_REGISTRY_UNREACHABLE', reason: 'tls', hint: 'give `connect.ca`', cause },
  });
  expect(problemOf(error).hint).toContain(advice);
});

// What a registry does wrong, and what somebody can do about it.
test.each([
  ['ERR_REGISTRY_PROTOCOL', { status: 202 }, 'no proxy answers in its place'],
  ['ERR_REGISTRY_REDIRECT_REFUSED', { status: 303 }, 'corrects its external address'],
  ['ERR_REGISTRY_UNEXPECTED', { status: 418 }, 'look at what the registry says'],
  ['ERR_REGISTRY_UNEXPECTED', { status: 431 }, 'large_client_header_buffers'],
  ['ERR_REGISTRY_UNAUTHORIZED', { status: 401, reason: 'unknown-scheme', hint: 'only Foo' }, 'only Foo'],
  ['ERR_REGISTRY_DENIED', { status: 403, reason: 'storage', hint: 'the bucket refused' }, 'the bucket refused'],
  ['ERR_REGISTRY_NOT_FOUND', { status: 404, reason: 'storage', hint: 'the bucket lacks it' }, 'the bucket lacks it'],
  ['ERR_REGISTRY_PROTOCOL', { status: 200, reason: 'web-page', hint: 'sign in first' }, 'sign in first'],
  ['ERR_REGISTRY_PROTOCOL', { status: 201, hint: 'its own' }, 'its own'],
] as const)('%s with %j has advice', (code, details, advice) => {
  expect(problemOf(new RegistryError('PUT https://r/v2/a failed', { code, ...details })).hint).toContain(advice);
});

test.each([
  ['http://r/v2/', 'the registry expects https: leave out --plain-http'],
  ['http://r:5000/v2/a/b/manifests/1', 'the registry expects https: leave out --plain-http'],
  ['http://auth.r/token', 'what the registry leads to expects https: its owner must give the address with https:'],
])('what expects https and was asked at %s', (url, advice) => {
  const details = {
    code: 'ERR_REGISTRY_PROTOCOL',
    reason: 'https-expected',
    hint: 'give it a URL with https:',
  } as const;
  const { hint } = problemOf(new RegistryError(`GET ${url} answered 400: the registry expects https`, details));
  expect(hint).toBe(advice);
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

function refusal(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

function coded(
  code: string,
  { cause, ...rest }: { cause?: Error; hint?: string; origin?: string } = {},
  message = code,
): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { code, ...rest });
}
