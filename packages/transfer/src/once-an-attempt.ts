import type { RetryNotice } from '@slipway/transfer';

/** Tells the first notice of each wait, which counts down once a second. */
export function onceAnAttempt(tell: (notice: RetryNotice) => void): (notice: RetryNotice) => void {
  let told = -1;
  return (notice) => {
    if (notice.attempt !== told) tell(notice);
    told = notice.attempt;
  };
}
