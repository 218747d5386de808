import { RequestError } from '../../errors.ts';

/** What is said of a job that is not there, and of one that whoever asks does not see. */
export function noSuchJob(id: string): RequestError {
  return new RequestError(404, `no such job: ${id}`);
}
