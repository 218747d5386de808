import type { Client } from './client.ts';

/** States a rule and proves it against a fresh registry. */
export type Rule = (text: string, run: (client: Client) => Promise<void>) => void;
