import type { PushEvent } from '@slipway/push';
import { problemOf } from '../failure/problem.ts';
import type { OpenProgressOptions, Progress } from './progress.ts';

/** One JSON object a line on standard error: every event as the engine tells it, and nothing that is no JSON. */
export function createJsonProgress({ stderr }: OpenProgressOptions): Progress {
  const write = (record: unknown): void => void stderr.write(`${JSON.stringify(record)}\n`);
  return {
    onEvent: (event) => write(eventRecord(event)),
    print: (text) => write({ type: 'message', text }),
    warn: (message) => write({ type: 'warning', message }),
    fail: (error, subject) => write({ type: 'error', subject, ...problemOf(error) }),
    summarize: () => {},
    [Symbol.dispose]() {},
  };
}

/** The event with its errors as plain data. */
export function eventRecord(event: PushEvent): Readonly<Record<string, unknown>> {
  const record: Record<string, unknown> = { ...event };
  for (const [name, value] of Object.entries(record)) if (value instanceof Error) record[name] = problemOf(value);
  return record;
}
