import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainJSON, toldText } from './told-text.ts';

test.each([
  [
    'Cannot tag an image in the image store "/var/lib/slipway/images": the disk is full',
    'Cannot tag an image in the image store: the disk is full',
  ],
  ["ENOENT: no such file or directory, open '/var/lib/slipway/jobs/archives/ab-1'", 'no such file or directory'],
  ["EXDEV: cross-device link not permitted, rename '/a/b' -> '/c/d'", 'cross-device link not permitted'],
  ['ENOSPC: no space left on device, write', 'no space left on device'],
  [
    'Cannot lock /var/lib/slipway/images/.slipway/lock: ENOSPC: no space left on device, write',
    'Cannot lock a file of slipwayd: no space left on device',
  ],
  ['Cannot open "/srv/data dir/jobs/x": it is damaged', 'Cannot open a file of slipwayd: it is damaged'],
  ['Cannot open "C:\\ProgramData\\slipway\\x": it is damaged', 'Cannot open a file of slipwayd: it is damaged'],
  ['the credentials file /etc/farm.json does not exist', 'the credentials file does not exist'],
  ['cannot use the key /etc/certs.d/x/a.key: it is encrypted', 'cannot use the key: it is encrypted'],
  ['the folder "/srv/a b" is not there', 'the folder is not there'],
  // What clients wrote, and addresses, stay.
  [
    'PUT https://r.example/v2/team/app/manifests/v1 answered 500',
    'PUT https://r.example/v2/team/app/manifests/v1 answered 500',
  ],
  [
    'Get "https://r.example/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    'Get "https://r.example/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
  ],
  ['GET /v2/team/app/blobs/x failed', 'GET /v2/team/app/blobs/x failed'],
  ['No such image: ghcr.io/team/app:v1', 'No such image: ghcr.io/team/app:v1'],
  ['connect ECONNREFUSED 127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
])('%s', (text, told) => {
  expect(toldText(text)).toBe(told);
});

test('a line of JSON keeps its value, and shows none of the characters', () =>
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = `${plainJSON(JSON.stringify({ text }))}\n`;
      expect(JSON.parse(line)).toEqual({ text });
      expect(line.trimEnd()).not.toMatch(/[\u0000-\u001f\u0080-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
  ));
