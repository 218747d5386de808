import { type Face, type OptionName, optionsOf, optionTable } from '@slipway/client/options';
import { expect, test } from 'vitest';
import { jobSchemas } from '../jobs/routes/job-schemas.ts';
import { settings } from './server-config.ts';

const namesOf = (face: Face): readonly string[] => optionsOf(face).map(([name]) => name);
const common = (names: readonly string[]): readonly string[] => names.filter((name) => name in optionTable);

interface JobProperty {
  readonly enum?: readonly string[] | undefined;
  readonly pattern?: string | undefined;
  readonly default?: unknown;
}

const jobProperties = (jobSchemas['JobRequest'] as { readonly properties: Readonly<Record<string, JobProperty>> })
  .properties;

test('the table of options says which of them are settings of the daemon', () => {
  expect([...namesOf('daemon')].sort()).toEqual([...common(Object.keys(settings))].sort());
});

test('and which a job takes, with the same values and the same default', () => {
  expect([...namesOf('job')].sort()).toEqual([...common(Object.keys(jobProperties))].sort());
  for (const [name, { kind, initial }] of optionsOf('job')) {
    const property = jobProperties[name];
    if (property?.pattern !== undefined && kind.choices !== undefined) {
      const [keep = '', ...others] = kind.choices;
      const pattern = new RegExp(property.pattern);
      for (const value of [keep, ...others, others.join(',')])
        expect([value, pattern.test(value)]).toEqual([value, true]);
      for (const value of ['', 'gzip,', `${keep},gzip`, 'lzma'])
        expect([value, pattern.test(value)]).toEqual([value, false]);
    }
    if (property?.enum !== undefined) expect([name, property.enum]).toEqual([name, kind.choices]);
    if (property?.default !== undefined && property.default !== false) {
      expect([name, property.default]).toEqual([name, initial]);
    }
  }
});

test('a setting that both have starts with the same value', () => {
  for (const name of namesOf('daemon') as readonly (OptionName & keyof typeof settings)[]) {
    const { initial } = optionTable[name];
    if (initial !== undefined && settings[name].initial !== undefined) {
      expect([name, settings[name].initial]).toEqual([name, initial]);
    }
  }
});
