import type { Logger } from 'pino';
import { createLocalChannel, type JobNews, type LiveChannel } from '../live-channel.ts';
import type { RedisConnections } from './open-redis.ts';

/**
 * Carries news between all daemons on one Redis, by publish and subscribe: what is said while nobody listens is lost.
 */
export async function openRedisChannel(
  { main, open }: RedisConnections,
  { name, log }: { readonly name: string; readonly log: Logger },
): Promise<LiveChannel> {
  const local = createLocalChannel();
  const subscriber = open();
  subscriber.on('message', (_channel: string, message: string) => {
    try {
      local.publish(JSON.parse(message) as JobNews); // our own come back this way, too
    } catch (err) {
      log.warn({ err }, 'news of jobs cannot be read');
    }
  });
  await subscriber.subscribe(name);
  return {
    publish(news) {
      // Progress that cannot be told now is of no use later.
      if (main.status === 'ready')
        main.publish(name, JSON.stringify(news)).catch((err) => log.debug({ err }, 'news are lost'));
    },
    subscribe: (listener) => local.subscribe(listener),
    async [Symbol.asyncDispose]() {
      await local[Symbol.asyncDispose]();
      subscriber.disconnect();
    },
  };
}
