import { expect, test } from 'vitest';
import { systemReason } from './system-reason.ts';

test.each([
  ['EADDRINUSE', 'listen EADDRINUSE: address already in use 127.0.0.1:80', 'address already in use'],
  ['EADDRINUSE', 'Failed to start server. Is port 80 in use?', 'address already in use'],
  ['EADDRNOTAVAIL', 'EADDRNOTAVAIL: address not available, listen', 'address not available'],
  ['ERR_OTHER', 'no such thing', 'no such thing'],
  [undefined, 'no code', 'no code'],
])('%s, told as %j', (code, message, reason) => {
  expect(systemReason(Object.assign(new Error(message), { code }))).toBe(reason);
});
