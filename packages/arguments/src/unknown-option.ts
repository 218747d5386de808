/** An option that a function does not have, and the one that was probably meant. */
export interface UnknownOption {
  readonly name: string;
  /** Undefined where no name is like it. */
  readonly meant: string | undefined;
}

/**
 * The first option that is not among the known ones. What is undefined counts as left out.
 */
export function unknownOption(given: object, known: readonly string[]): UnknownOption | undefined {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !known.includes(name)) return { name, meant: nearestName(name, known) };
  }
  return undefined;
}

/** The known name that takes the fewest slips to get from, if it takes few. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const [nearest] = known
    .map((one) => ({ one, slips: countSlips(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, slips }) => slips <= Math.max(1, Math.floor(Math.min(name.length, one.length) / 3)))
    .sort((a, b) => a.slips - b.slips);
  return nearest?.one;
}

/** Letters too many, too few, wrong, or in the place of their neighbour. */
function countSlips(given: string, known: string): number {
  let before: number[] = [];
  let last = Array.from({ length: known.length + 1 }, (_, at) => at);
  for (let row = 1; row <= given.length; row += 1) {
    const slips = [row];
    for (let at = 1; at <= known.length; at += 1) {
      const isSame = given[row - 1] === known[at - 1];
      const isSwapped = row > 1 && at > 1 && given[row - 1] === known[at - 2] && given[row - 2] === known[at - 1];
      slips.push(
        Math.min(
          (last[at] ?? 0) + 1,
          (slips[at - 1] ?? 0) + 1,
          (last[at - 1] ?? 0) + (isSame ? 0 : 1),
          isSwapped ? (before[at - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = last;
    last = slips;
  }
  return last[known.length] ?? 0;
}
