import { describe, expect, test } from 'vitest';
import { readResponseHead } from './response-head.ts';

describe('readResponseHead', () => {
  test.each([
    ['nothing yet', '', { kind: 'partial' }],
    ['half a version', 'HTT', { kind: 'partial' }],
    ['no blank line', 'HTTP/1.1 200 OK\r\nA: b\r\n', { kind: 'partial' }],
    ['another protocol', 'SSH-2.0-x\r\n\r\n', { kind: 'other' }],
    ['what only begins alike', 'HTTQ', { kind: 'other' }],
    ['an interim answer', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2', { kind: 'interim', end: 25 }],
    ['early hints', 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n', { kind: 'interim', end: 39 }],
    ['an interim answer without a reason', 'HTTP/1.0 102\n\n', { kind: 'interim', end: 14 }],
    [
      'a switch of protocols',
      'HTTP/1.1 101 Switch\r\n\r\n',
      { kind: 'final', head: 'HTTP/1.1 101 Switch\r\n\r\n', end: 23 },
    ],
  ])('%s', (_, text, reading) => {
    expect(readResponseHead(text)).toEqual(reading);
  });

  test.each([
    ['a plain head stays', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'],
    ['no field at all', 'HTTP/1.1 204\r\n\r\n', 'HTTP/1.1 204\r\n\r\n'],
    ['bare line feeds', 'HTTP/1.1 200 OK\nA: b\nC: d\n\n', 'HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n'],
    ['line ends of both kinds', 'HTTP/1.1 200 OK\r\nA: b\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'],
    ['empty lines before it', '\r\n\nHTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['space before a colon', 'HTTP/1.1 200 OK\r\nA : b : c\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b : c\r\n\r\n'],
    [
      'the same length twice',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nA: b\r\nContent-Length: 5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n',
    ],
    [
      'the same length twice in one line',
      'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    ],
    [
      'two lengths that differ are for the parser to refuse',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: unclear\r\n\r\n',
    ],
    [
      'a length beside chunks, which end the connection',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    ],
  ])('%s', (_, text, head) => {
    expect(readResponseHead(`${text}body`)).toEqual({ kind: 'final', head, end: text.length });
  });

  test('a head that comes byte by byte is partial until its last', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
    for (let length = 0; length < text.length; length += 1) {
      expect(readResponseHead(text.slice(0, length))).toEqual({ kind: 'partial' });
    }
    expect(readResponseHead(text)).toMatchObject({ kind: 'final' });
  });
});
