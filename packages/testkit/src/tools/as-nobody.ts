/** The user that owns nothing, on every Debian and most other systems. */
const nobody = 65534;

/**
 * Runs `work` as a user who is not root: root may read and write everything, which would make tests of permissions mean
 * nothing. Whoever is not root runs it as they are.
 */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0 || process.seteuid === undefined) return await work();
  process.seteuid(nobody);
  try {
    return await work();
  } finally {
    process.seteuid(0);
  }
}
