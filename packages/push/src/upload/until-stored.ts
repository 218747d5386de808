/** Whole seconds of silence that are no news. */
const quietSeconds = 5;

/**
 * Runs a request, and tells once a second how long the registry has been silent since it has everything: from the fifth
 * second on, in whole seconds. A request that is repeated counts from its beginning.
 *
 * @param send is given what to call when everything was sent
 */
export async function untilStored<T>(
  send: (onBodySent: () => void) => Promise<T>,
  tell: (seconds: number) => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    clearInterval(timer);
    let seconds = 0;
    timer = setInterval(() => {
      seconds += 1;
      if (seconds >= quietSeconds) tell(seconds);
    }, 1_000);
  };
  try {
    return await send(begin);
  } finally {
    clearInterval(timer);
  }
}
