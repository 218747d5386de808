import type { RetryNotice } from './retrying.ts';

/** Tells the first notice of each wait, which counts down once a second. */
export function onceAnAttempt(tell: (notice: RetryNotice) => void): (notice: RetryNotice) => void {
  let told = -1;
  return (notice) => {
    if (notice.attempt !== told) tell(notice);
    told = notice.attempt;
  };
}

/** Says of each wait, once, for how long and why: `registry.example/app: retry 1 in 5 s: …`. */
export function tellRetries(subject: string, tell: (message: string) => void): (notice: RetryNotice) => void {
  return onceAnAttempt(({ attempt, seconds, cause }) =>
    tell(`${subject}: retry ${attempt} in ${seconds} s: ${cause.message}`),
  );
}
