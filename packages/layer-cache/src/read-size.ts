/** Bytes of one read of a kept layer: each costs several turns of the event loop, whatever it brings. */
export const readSize: number = 512 * 1024;
