import { expect, test } from 'vitest';
import { type MachineLimit, machineHint, machineLimitOf } from './machine-limit.ts';

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
}

const tried = (...errors: readonly Error[]): Error => new Error('fetch failed', { cause: new AggregateError(errors) });

test.each<[string, unknown, MachineLimit | undefined]>([
  ['too many files of this process', coded('EMFILE'), 'file handles'],
  ['too many files of all', coded('ENFILE'), 'file handles'],
  ['the same, within two others', coded('X', coded('Y', coded('EMFILE'))), 'file handles'],
  ['the same, of one of two addresses', tried(coded('ECONNREFUSED'), coded('EMFILE')), 'file handles'],
  ['no memory, as the system says it', coded('ENOMEM'), 'memory'],
  ['a thread that took too much', coded('ERR_WORKER_OUT_OF_MEMORY'), 'memory'],
  ['a thread that ended', coded('ERR_DEFLATE_WORKER'), 'threads'],
  ['a thread that does not begin', coded('ERR_WORKER_INIT_FAILED'), 'threads'],
  ['no memory for a parser', new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate'), 'memory'],
  ['no memory for a buffer', new RangeError('Array buffer allocation failed'), 'memory'],
  ['a module that cannot be compiled', Object.assign(new Error('x'), { name: 'CompileError' }), 'memory'],
  ['a wrong argument', new RangeError('Expected `from` to be …'), undefined],
  ['a full disk', coded('ENOSPC'), undefined],
  ['a registry that is not there', tried(coded('ECONNREFUSED'), coded('ECONNREFUSED')), undefined],
  ['no error at all', 'EMFILE', undefined],
])('%s', (_, error, limit) => {
  expect(machineLimitOf(error)).toBe(limit);
  if (limit !== undefined) expect(machineHint(limit)).toMatch(/`ulimit -[nuv]`/);
});
