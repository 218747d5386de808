import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { DockerStream } from './docker-stream.ts';

/** A response whose reader takes what it is given only when told to. */
class SlowResponse extends EventEmitter {
  readonly req = { complete: true };
  headersSent = false;
  destroyed = false;
  writableEnded = false;
  isFull = false;
  readonly written: string[] = [];

  writeHead(): void {
    this.headersSent = true;
  }

  write(text: string): boolean {
    this.written.push(text);
    return !this.isFull;
  }

  end(done: () => void): void {
    this.writableEnded = true;
    done();
  }
}

function slowStream(): { readonly response: SlowResponse; readonly stream: DockerStream } {
  const response = new SlowResponse();
  return { response, stream: new DockerStream(response as unknown as ServerResponse) };
}

test('while the reader is slow, a layer’s newest record replaces the one before', async () => {
  const { response, stream } = slowStream();
  response.isFull = true;
  stream.write({ kind: 'message', status: 'first' });
  for (let current = 1; current <= 10_000; current += 1) {
    stream.write({ kind: 'action', id: `layer${current % 3}`, status: 'Pushing', current, total: 10_000 });
  }
  stream.write({ kind: 'message', status: 'last' });
  expect(response.written).toHaveLength(1);
  response.isFull = false;
  response.emit('drain');
  expect(response.written).toHaveLength(5);
  expect(response.written.at(-2)).toContain('"current":10000');
  expect(response.written.at(-1)).toBe('{"status":"last"}\r\n');
  await stream.end();
  expect(response.writableEnded).toBe(true);
});

test('what is left is written at the end, whatever the reader does', async () => {
  const { response, stream } = slowStream();
  response.isFull = true;
  stream.write({ kind: 'message', status: 'first' });
  stream.write({ kind: 'error', message: 'denied' });
  await stream.end();
  expect(response.written).toEqual([
    '{"status":"first"}\r\n',
    '{"errorDetail":{"message":"denied"},"error":"denied"}\r\n',
  ]);
});

test('for a reader that has gone nothing is kept', async () => {
  const { response, stream } = slowStream();
  response.destroyed = true;
  stream.write({ kind: 'message', status: 'unheard' });
  await stream.end();
  expect(response.written).toEqual([]);
});
