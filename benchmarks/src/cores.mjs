import { readFileSync } from 'node:fs';
import { findTool } from '@slipway/testkit';

/** What stands before a command that may use no more than `count` cores: the first of those that are ours. */
export function boundTo(count) {
  return [findTool('taskset'), '--cpu-list', allowedCores().slice(0, count).join(',')];
}

/** The numbers of the cores that this process may use, which in a container need not begin with 0. */
function allowedCores() {
  const [, list] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
