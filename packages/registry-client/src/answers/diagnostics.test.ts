import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../auth/challenge.ts';
import { formatDiagnostics, readErrorAnswer } from './diagnostics.ts';

interface Row {
  readonly status?: number;
  readonly statusText?: string;
  readonly contentType?: string | undefined;
  readonly challenge?: string;
  readonly body?: string;
  readonly codes: readonly (readonly [code: string, bare: boolean])[];
  readonly text: string;
}

const json = 'application/json';

function errors(...entries: object[]): string {
  return JSON.stringify({ errors: entries });
}

describe('readErrorAnswer', () => {
  test.each<[string, Row]>([
    [
      'an entry with its default message is bare',
      {
        status: 403,
        contentType: json,
        body: errors({ code: 'DENIED', message: 'requested access to the resource is denied' }),
        codes: [['DENIED', true]],
        text: 'denied',
      },
    ],
    [
      'an entry without a message is bare',
      { contentType: json, body: errors({ code: 'TAG_INVALID' }), codes: [['TAG_INVALID', true]], text: 'tag invalid' },
    ],
    [
      'a null detail is none',
      {
        contentType: json,
        body: errors({ code: 'UNAUTHORIZED', message: 'authentication required', detail: null }),
        codes: [['UNAUTHORIZED', true]],
        text: 'unauthorized',
      },
    ],
    [
      'an entry with a detail is full',
      {
        contentType: json,
        body: errors({ code: 'UNAUTHORIZED', message: 'authentication required', detail: [{ Type: 'repository' }] }),
        codes: [['UNAUTHORIZED', false]],
        text: 'unauthorized: authentication required',
      },
    ],
    [
      'an entry with its own message is full',
      {
        contentType: json,
        body: errors({ code: 'DENIED', message: 'quota exceeded' }),
        codes: [['DENIED', false]],
        text: 'denied: quota exceeded',
      },
    ],
    [
      'a detail without a message',
      { contentType: json, body: errors({ code: 'DENIED', detail: {} }), codes: [['DENIED', false]], text: 'denied: ' },
    ],
    [
      'a code that nobody knows is printed as unknown',
      {
        contentType: json,
        body: errors({ code: 'TAG_IMMUTABLE', message: 'no' }),
        codes: [['TAG_IMMUTABLE', false]],
        text: 'unknown: no',
      },
    ],
    [
      'a code that is no text',
      { contentType: json, body: errors({ code: 7, message: 'no' }), codes: [['UNKNOWN', false]], text: 'unknown: no' },
    ],
    [
      'several entries',
      {
        contentType: json,
        body: errors({ code: 'DENIED' }, { code: 'NAME_UNKNOWN', message: 'gone' }),
        codes: [
          ['DENIED', true],
          ['NAME_UNKNOWN', false],
        ],
        text: 'errors:\ndenied\nname unknown: gone\n',
      },
    ],
    [
      'parameters of the content type do not matter',
      {
        contentType: 'application/json; charset=utf-8',
        body: errors({ code: 'DENIED' }),
        codes: [['DENIED', true]],
        text: 'denied',
      },
    ],
    [
      'the other JSON type',
      {
        contentType: 'application/vnd.api+json',
        body: errors({ code: 'DENIED' }),
        codes: [['DENIED', true]],
        text: 'denied',
      },
    ],
    [
      'text, 401',
      {
        status: 401,
        contentType: 'text/plain',
        body: 'who?',
        codes: [['UNAUTHORIZED', false]],
        text: 'unauthorized: who?',
      },
    ],
    [
      'text, 403',
      { status: 403, contentType: 'text/html', body: '<h1>no', codes: [['DENIED', false]], text: 'denied: <h1>no' },
    ],
    [
      'text, 429',
      {
        status: 429,
        contentType: 'text/plain',
        body: 'slow down',
        codes: [['TOOMANYREQUESTS', false]],
        text: 'toomanyrequests: slow down',
      },
    ],
    [
      'text, 404',
      {
        status: 404,
        contentType: 'text/plain',
        body: 'page not found',
        codes: [['UNKNOWN', false]],
        text: 'unknown: page not found',
      },
    ],
    [
      'no content type',
      { status: 404, contentType: undefined, body: 'x', codes: [['UNKNOWN', false]], text: 'unknown: x' },
    ],
    [
      'a content type that cannot be read',
      { contentType: '/;', body: 'x', codes: [], text: 'failed parsing content-type: mime: no media type' },
    ],
    [
      'the old `details`',
      {
        status: 401,
        contentType: json,
        body: '{"details":"incorrect username or password"}',
        codes: [['UNAUTHORIZED', false]],
        text: 'unauthorized: incorrect username or password',
      },
    ],
    [
      'the old `details`, 429',
      {
        status: 429,
        contentType: json,
        body: '{"details":"later"}',
        codes: [['TOOMANYREQUESTS', false]],
        text: 'toomanyrequests: later',
      },
    ],
    [
      'JSON that is none',
      {
        status: 400,
        contentType: json,
        body: '<html>\n',
        codes: [],
        text: `error parsing HTTP 400 response body: invalid character '<' looking for beginning of value: "<html>\\n"`,
      },
    ],
    [
      'nothing at all',
      {
        status: 403,
        contentType: json,
        body: '',
        codes: [],
        text: 'error parsing HTTP 403 response body: unexpected end of JSON input: ""',
      },
    ],
    [
      'no entries',
      {
        status: 404,
        contentType: json,
        body: '{"errors":[]}',
        codes: [],
        text: 'error parsing HTTP 404 response body: no error details found in HTTP response body: "{\\"errors\\":[]}"',
      },
    ],
    [
      'other JSON',
      {
        status: 404,
        contentType: json,
        body: '{"a":"é\u200b\u007f"}',
        codes: [],
        text: 'error parsing HTTP 404 response body: no error details found in HTTP response body: "{\\"a\\":\\"é\\u200b\\x7f\\"}"',
      },
    ],
    [
      'no entries, 401',
      {
        status: 401,
        contentType: json,
        body: '{}',
        codes: [['UNAUTHORIZED', false]],
        text: 'unauthorized: authentication required',
      },
    ],
    [
      'JSON that is none, 401',
      {
        status: 401,
        contentType: json,
        body: 'x',
        codes: [['UNAUTHORIZED', false]],
        text: 'unauthorized: authentication required',
      },
    ],
    [
      'a scope that does not suffice comes first',
      {
        status: 401,
        challenge: 'Bearer realm="r",error="insufficient_scope"',
        contentType: json,
        body: errors({ code: 'UNAUTHORIZED', message: 'authentication required' }),
        codes: [
          ['DENIED', false],
          ['UNAUTHORIZED', true],
        ],
        text: 'errors:\ndenied: requested access to the resource is denied\nunauthorized\n',
      },
    ],
    [
      'an invalid token with a description',
      {
        status: 401,
        challenge: 'Bearer realm="r",error="invalid_token",error_description="expired"',
        contentType: 'text/plain',
        body: 'x',
        codes: [
          ['UNAUTHORIZED', false],
          ['UNAUTHORIZED', false],
        ],
        text: 'errors:\nunauthorized: expired\nunauthorized: x\n',
      },
    ],
    [
      'a refused token with a body that cannot be read',
      {
        status: 401,
        challenge: 'Bearer realm="r",error="invalid_token"',
        contentType: json,
        body: '',
        codes: [['UNAUTHORIZED', false]],
        text: 'errors:\nunauthorized: authentication required\nerror parsing HTTP 401 response body: unexpected end of JSON input: ""\n',
      },
    ],
    [
      'a challenge counts with 401 alone',
      {
        status: 403,
        challenge: 'Bearer realm="r",error="insufficient_scope"',
        contentType: json,
        body: errors({ code: 'DENIED' }),
        codes: [['DENIED', true]],
        text: 'denied',
      },
    ],
    [
      '500',
      {
        status: 500,
        statusText: 'Internal Server Error',
        contentType: json,
        body: errors({ code: 'DENIED' }),
        codes: [],
        text: 'received unexpected HTTP status: 500 Internal Server Error',
      },
    ],
    [
      '301',
      {
        status: 301,
        statusText: 'Moved Permanently',
        codes: [],
        text: 'received unexpected HTTP status: 301 Moved Permanently',
      },
    ],
  ])('%s', (_, row) => {
    const { diagnostics, dockerMessage } = readErrorAnswer({
      status: row.status ?? 400,
      statusText: row.statusText ?? '',
      contentType: row.contentType,
      challenges: parseChallenges(row.challenge === undefined ? [] : [row.challenge]),
      body: row.body ?? '',
    });
    expect(diagnostics.map(({ code, bare }) => [code, bare])).toEqual(row.codes);
    expect(dockerMessage).toBe(row.text);
  });
});

test('an empty list of diagnostics prints as Go prints it', () => {
  expect(formatDiagnostics([])).toBe('<nil>');
});

describe('words', () => {
  const said = (body: string, contentType = 'application/json', status = 400): string =>
    readErrorAnswer({ status, statusText: 'Bad Request', contentType, challenges: [], body }).words;
  const errors = (...entries: object[]): string => JSON.stringify({ errors: entries });

  test.each([
    ['a digest', { Digest: 'sha256:ab' }, 'Digest: sha256:ab'],
    ['a sentence', 'layer 3 is not signed', 'layer 3 is not signed'],
    ['a number', 7, '7'],
    [
      'several values',
      { policy: 'no-root', layer: { digest: 'sha256:ab' } },
      'policy: no-root, layer: digest: sha256:ab',
    ],
    ['a list', [{ digest: 'sha256:ab' }, 'sha256:cd'], 'digest: sha256:ab, sha256:cd'],
    ['lines', 'one\n  two', 'one two'],
    ['far too much', 'x'.repeat(1_000), `${'x'.repeat(300)}…`],
  ])('have the detail: %s', (_, detail, text) => {
    expect(said(errors({ code: 'MANIFEST_INVALID', message: 'not good', detail }))).toBe(
      `manifest invalid: not good (${text})`,
    );
  });

  test.each([
    ['nothing', null],
    ['an empty object', {}],
    ['an empty list', []],
    ['an empty text', ''],
    ['the message again', 'not good'],
    ['the rights that every refusal names', [{ Type: 'repository', Class: '', Name: 'a', Action: 'push' }]],
  ])('leave out a detail that adds nothing: %s', (_, detail) => {
    expect(said(errors({ code: 'MANIFEST_INVALID', message: 'not good', detail }))).toBe('manifest invalid: not good');
  });

  test('tell several errors apart by their details', () => {
    const body = errors(
      { code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown', detail: { digest: 'sha256:ab' } },
      { code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown', detail: { digest: 'sha256:cd' } },
    );
    expect(said(body, 'application/json', 404)).toBe(
      'manifest blob unknown: blob unknown (digest: sha256:ab); manifest blob unknown: blob unknown (digest: sha256:cd)',
    );
  });

  test.each([
    [
      '<html>\r\n<head><title>413 Request Entity\n Too Large</title></head></html>',
      'an HTML page, "413 Request Entity Too Large"',
    ],
    ['<!DOCTYPE html><html><body><h1>Access denied</h1></body></html>', 'an HTML page, "Access denied"'],
    ['<html><body>no title</body></html>', 'an HTML page'],
    ['  <!doctype HTML>', 'an HTML page'],
    ['<title>Caf&eacute; &amp; &lt;bar&gt;&nbsp;&#38;&#x2F;</title>', 'an HTML page, "Caf&eacute; & <bar> &/"'],
    ['<title>&#x110000; &#99999999;</title>', 'an HTML page, "&#x110000; &#99999999;"'],
    ['<title>user <redacted>, go away</title>', 'an HTML page, "user <redacted>, go away"'],
  ])('name a page by its title: %j', (body, text) => {
    expect(said(body, 'text/html')).toBe(text);
    expect(readErrorAnswer({ status: 503, statusText: 'x', contentType: undefined, challenges: [], body }).words).toBe(
      text,
    );
  });
});
