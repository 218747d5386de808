import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import type { ServerConfig } from '../config/server-config.ts';
import { parseListenAddress } from '../listeners/listen-address.ts';
import { askHealth } from './ask-health.ts';

export interface HealthCommandOptions {
  readonly configOf: () => Promise<ServerConfig>;
  readonly stdout: Writable;
}

/** Adds `slipwayd health`, for health checks where no shell and no curl is. */
export function addHealthCommand(program: Command, { configOf, stdout }: HealthCommandOptions): void {
  program
    .command('health')
    .description('ask the daemon with these settings whether it lives, and end with code 0 or 1')
    .option('--ready', 'ask whether it can work: its disk, its stores, its Redis')
    .option('--at <address>', 'the daemon that is asked: unix://PATH or tcp://HOST:PORT')
    .action(async ({ ready = false, at }: { readonly ready?: boolean; readonly at?: string }) => {
      const config = await configOf();
      const address = parseListenAddress(at ?? config.hosts.find((host) => !host.startsWith('fd://')) ?? '');
      stdout.write(`${await askHealth(address, { isTls: config.tlsCert !== undefined, ready })}\n`);
    });
}
