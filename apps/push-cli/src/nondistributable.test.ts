import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { type NondistributableChoice, nondistributable, withOptionalValues } from './nondistributable.ts';

test.each<[readonly string[], NondistributableChoice]>([
  [[''], 'all'],
  [['r.example'], ['r.example']],
  [
    ['r.example:5000', '10.0.0.0/8'],
    ['r.example:5000', '10.0.0.0/8'],
  ],
  [['r.example', ''], 'all'],
  [['', 'r.example'], 'all'],
])('%j', (values, expected) => {
  const read = (earlier: NondistributableChoice | undefined, value: string): NondistributableChoice =>
    nondistributable(value, earlier);
  expect(values.reduce(read, undefined)).toEqual(expected);
});

test.each(['http://r.example', '-r', 'r.example:99999', '10.0.0.0/99', 'image.tar/'])('%s is refused', (value) => {
  expect(() => nondistributable(value, undefined)).toThrow(InvalidArgumentError);
});

test('the word after the bare option is no value of it', () => {
  const args = ['push', '--allow-nondistributable', 'image.tar', 'r.example/a', '--allow-nondistributable=r.example'];
  expect(withOptionalValues([...args, '--', '--allow-nondistributable'])).toEqual([
    ...['push', '--allow-nondistributable=', 'image.tar', 'r.example/a', '--allow-nondistributable=r.example'],
    ...['--', '--allow-nondistributable'],
  ]);
});
