import { type NondistributableChoice, optionsOf, optionTable } from '@slipway/client/options';
import { Command, InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { withOptionalValues } from './optional-values.ts';
import { addTableOptions, optionFor } from './table-options.ts';

const foreignLayers = optionFor('allowNondistributable', optionTable.allowNondistributable);

test.each<[readonly string[], NondistributableChoice]>([
  [['all'], 'all'],
  [['r.example'], ['r.example']],
  [
    ['r.example:5000', '10.0.0.0/8'],
    ['r.example:5000', '10.0.0.0/8'],
  ],
  [['r.example', 'all'], 'all'],
  [['all', 'r.example'], 'all'],
])('an option that may be given again: %j', (values, expected) => {
  const read = (earlier: unknown, value: string): unknown => foreignLayers.parseArg?.(value, earlier);
  expect(values.reduce(read, undefined)).toEqual(expected);
});

test.each(['http://r.example', '-r', 'r.example:99999', '10.0.0.0/99', 'image.tar/'])('%s is refused', (value) => {
  expect(() => foreignLayers.parseArg?.(value, undefined)).toThrow(InvalidArgumentError);
});

test('the word after the bare option is no value of it', () => {
  const args = ['push', '--allow-nondistributable', 'image.tar', 'r.example/a', '--allow-nondistributable=r.example'];
  expect(withOptionalValues([...args, '--', '--allow-nondistributable'])).toEqual([
    ...['push', '--allow-nondistributable=all', 'image.tar', 'r.example/a', '--allow-nondistributable=r.example'],
    ...['--', '--allow-nondistributable'],
  ]);
});

test('every option of the table is one of the command line, under its name in TypeScript', () => {
  const names = optionsOf('cli').map(([name]) => name);
  const command = addTableOptions(new Command(), names);
  expect(command.options.map((option) => option.attributeName())).toEqual(names);
  expect(command.opts()).toEqual({
    ...{ format: 'keep', protocol: 'v2', compression: 'keep', verify: 'digest', concurrency: 5, retries: 4 },
    ...{ cache: true, learn: 'prove', progress: 'auto' },
  });
});
