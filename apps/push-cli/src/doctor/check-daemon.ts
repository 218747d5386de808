import { findDaemon } from '../daemon/daemon-address.ts';
import { DaemonClient } from '../daemon/daemon-client.ts';
import { DaemonRefusal } from '../daemon/daemon-refusal.ts';
import type { Check } from './check.ts';

/** The slipwayd that a push would go to, and whether it answers; run where one is named. */
export const checkDaemon: Check = {
  name: 'daemon',
  async run({ context: { environment, signal }, options: { daemon } }) {
    const client = new DaemonClient(await findDaemon(daemon, environment));
    await client.list({ limit: 1 }, signal).catch((error: unknown) => {
      // It knows the token, and keeps its jobs to itself.
      if (!(error instanceof DaemonRefusal && error.status === 403)) throw error;
    });
    const namedBy = daemon === undefined ? 'SLIPWAY_HOST' : '--daemon';
    return {
      status: 'ok',
      summary: `a push goes to slipwayd at ${client.name}, named by ${namedBy}`,
      notes: ['what follows is asked from this machine; the daemon has a network, proxies and certificates of its own'],
      facts: { address: client.name, namedBy },
    };
  },
};
