import { describe, expect, test } from 'vitest';
import { humanSize } from './human-size.ts';
import { progressText } from './progress-text.ts';
import { encodeRecord, type StreamRecord } from './stream-record.ts';

const bar = (full: number): string => `[${'='.repeat(full)}>${' '.repeat(50 - full)}] `;

describe('humanSize is docker’s: decimal units, four digits, no trailing zeros', () => {
  test.each([
    [0, '0B'],
    [7, '7B'],
    [512, '512B'],
    [999, '999B'],
    [1_000, '1kB'],
    [1_024, '1.024kB'],
    [2_048, '2.048kB'],
    [1_048_576, '1.049MB'],
    [999_999, '1000kB'],
    [3_420_000, '3.42MB'],
    [5_368_709_120, '5.369GB'],
    [1.5e12, '1.5TB'],
  ])('%d', (bytes, text) => {
    expect(humanSize(bytes)).toBe(text);
  });
});

describe('progressText', () => {
  test.each([
    [0, 0, undefined],
    [1, 0, '      1B'],
    [512, 1_024, `${bar(25)}    512B/1.024kB`],
    [1_024, 1_024, `${bar(50)} 1.024kB/1.024kB`],
    [0, 1_000, `${bar(0)}      0B/1kB`],
    [19, 1_000, `${bar(0)}     19B/1kB`],
    [20, 1_000, `${bar(1)}     20B/1kB`],
    [2_000, 1_000, `${bar(50)}     2kB`],
    [524_288, 1_048_576, `${bar(25)} 524.3kB/1.049MB`],
  ])('%d of %d', (current, total, text) => {
    expect(progressText(current, total)).toBe(text);
  });
});

describe('a record is written as docker’s daemon writes it', () => {
  test.each<[StreamRecord, string]>([
    [
      { kind: 'message', status: 'The push refers to repository [docker.io/library/x]' },
      '{"status":"The push refers to repository [docker.io/library/x]"}',
    ],
    [
      { kind: 'action', id: '5f70bf18a086', status: 'Preparing' },
      '{"status":"Preparing","progressDetail":{},"id":"5f70bf18a086"}',
    ],
    [
      { kind: 'action', id: '5f70bf18a086', status: 'Pushing', current: 512, total: 1_024 },
      '{"status":"Pushing","progressDetail":{"current":512,"total":1024},"progress":"[=========================\\u003e                         ]     512B/1.024kB","id":"5f70bf18a086"}',
    ],
    [
      { kind: 'aux', aux: { Tag: 'latest', Digest: 'sha256:aa', Size: 528 } },
      '{"progressDetail":{},"aux":{"Tag":"latest","Digest":"sha256:aa","Size":528}}',
    ],
    [
      { kind: 'error', message: 'no <b> & "c"' },
      '{"errorDetail":{"message":"no \\u003cb\\u003e \\u0026 \\"c\\""},"error":"no \\u003cb\\u003e \\u0026 \\"c\\""}',
    ],
    [{ kind: 'text', stream: 'Loaded image: a:b\n' }, '{"stream":"Loaded image: a:b\\n"}'],
  ])('%j', (record, line) => {
    expect(encodeRecord(record)).toBe(`${line}\r\n`);
  });
});
