import { parseNondistributableRegistries } from '@slipway/registry-client';
import { InvalidArgumentError } from 'commander';

/** Registries that foreign layers are pushed to: all of them, or those of a list as docker's daemon has it. */
export type NondistributableChoice = 'all' | readonly string[];

const option = '--allow-nondistributable';

/** Reads one `--allow-nondistributable[=HOST|CIDR]` after the ones before it. Without a value, it means all registries. */
export function nondistributable(value: string, earlier: NondistributableChoice | undefined): NondistributableChoice {
  if (value === '' || earlier === 'all') return 'all';
  try {
    parseNondistributableRegistries([value]);
  } catch (error) {
    throw new InvalidArgumentError(`Expected a host, host:port or address range: ${(error as Error).message}`);
  }
  return [...(earlier ?? []), value];
}

/**
 * The arguments with a value for each bare `--allow-nondistributable`. The parser would take the word after it, which is the
 * image to push.
 */
export function withOptionalValues(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.map((arg, at) => (arg === option && (end === -1 || at < end) ? `${option}=` : arg));
}
