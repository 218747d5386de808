import { type Check, notReached } from './check.ts';

const tolerableMs = 60_000;

/** How far this machine's clock is from the registry's: tokens and certificates are good for a time only. */
export const checkClock: Check = {
  name: 'clock',
  async run(scene) {
    if (scene.reached === undefined) return notReached(scene);
    const clock = scene.reached.ping.details?.clock;
    if (clock === undefined) return { status: 'skipped', summary: 'the registry did not tell its time' };
    const skewMs = clock.here - clock.server;
    const facts = { skewSeconds: Math.round(skewMs / 1000) };
    if (Math.abs(skewMs) <= tolerableMs) return { status: 'ok', summary: 'agrees with the registry’s', facts };
    const direction = skewMs > 0 ? 'ahead of' : 'behind';
    return {
      status: 'warning',
      summary: `${duration(Math.abs(skewMs))} ${direction} the registry’s`,
      facts,
      advice: 'set this machine’s clock: tokens may be refused as too old or not valid yet',
    };
  },
};

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 120) return `${seconds} seconds`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3600)} hours`;
}
