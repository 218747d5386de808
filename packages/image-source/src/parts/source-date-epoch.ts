import { anObject, assertArgument, unexpected } from '@slipway/arguments';

/**
 * The time that the environment asks builds to use, in whole seconds; undefined where it asks for none. Nothing here
 * reads the environment by itself.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT` when `SOURCE_DATE_EPOCH` is no number of seconds: a build that ignores it is
 * not reproducible
 * @see https://reproducible-builds.org/specs/source-date-epoch/
 * @example
 * layerFrom('dist', { to: '/app', mtime: sourceDateEpoch(process.env) });
 */
export function sourceDateEpoch(environment: Readonly<Record<string, string | undefined>>): Date | undefined {
  assertArgument('environment', environment, anObject);
  const { SOURCE_DATE_EPOCH: text } = environment;
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,11}$/.test(text)) {
    throw unexpected('environment.SOURCE_DATE_EPOCH', 'a number of seconds since 1970', text);
  }
  return new Date(Number(text) * 1000);
}
