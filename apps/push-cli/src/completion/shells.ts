/** Shells that a completion script can be written for. */
export const shells: readonly ['bash', 'zsh', 'fish'] = ['bash', 'zsh', 'fish'];

export type Shell = (typeof shells)[number];
