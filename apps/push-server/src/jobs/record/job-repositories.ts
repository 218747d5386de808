import { repositoryOf } from '../../security/sight.ts';
import type { JobRecord, JobSource } from './job.ts';

/** Every repository that a job names, canonical: whoever sees all of them sees the job. */
export function repositoriesOf({ source, destinations, repositories = [] }: WhatItNames): readonly string[] {
  const named = [...destinations.map(({ reference }) => reference), ...repositories, ...sourceNames(source)];
  // What cannot be read as a reference is nobody's.
  return [...new Set(named.map((text) => repositoryOf(text) ?? text))];
}

type WhatItNames = Pick<JobRecord, 'source' | 'destinations' | 'repositories'>;

/** Names that its source has for everybody. That of an image within an uploaded archive is its submitter's own. */
function sourceNames(source: JobSource): readonly string[] {
  switch (source.kind) {
    case 'archive':
      return [];
    case 'registry':
      return [source.reference];
    case 'images':
      return [source.name, ...source.held.map(({ name }) => name)];
    case 'image': {
      const { name, content } = source;
      const isID = content.id.startsWith(name) || content.id.replace(/^.*:/, '').startsWith(name);
      return isID ? [] : [name];
    }
    default:
      return source satisfies never;
  }
}
