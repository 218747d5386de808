import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type RequestOptions, request as secureRequest } from 'node:https';

/** What came of a request: of one whose answer does not end by itself, its beginning. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Its `Location`. */
  readonly location: string | undefined;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** Port of the loopback, and what the client shows there besides. */
  readonly to: RequestOptions;
}

/** Asks, and reads the answer; of a stream of events, what comes within a moment. */
export async function ask({ method, path, headers = {}, body, to }: Asked): Promise<Answer> {
  const send = to.ca === undefined ? httpRequest : secureRequest;
  const options = { host: '127.0.0.1', agent: false, ...to, method, path, headers };
  return await new Promise((resolve, reject) => {
    const request = send(options as RequestOptions, (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      const end = (): void =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          location: response.headers.location,
        });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', end);
      if (!String(response.headers['content-type']).startsWith('text/event-stream')) return;
      setTimeout(() => {
        end();
        response.destroy();
      }, 150);
    });
    request.on('error', reject);
    request.end(body);
  });
}
