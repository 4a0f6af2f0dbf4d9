import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Requests to the API server, in the name of whoever has the token. */
export class ApiClient {
  readonly #host: string;
  readonly #port: number;
  readonly #token: string;
  readonly #authority: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(host: string, port: number, token: string, authority: string) {
    this.#host = host;
    this.#port = port;
    this.#token = token;
    this.#authority = authority;
  }

  as(token: string): ApiClient {
    return new ApiClient(this.#host, this.#port, token, this.#authority);
  }

  async ask(method: string, path: string, body?: unknown, type: 'json' | 'merge-patch+json' = 'json'): Promise<Answer> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(
        {
          host: this.#host,
          port: this.#port,
          method,
          path,
          agent: this.#agent,
          ca: readFileSync(this.#authority),
          headers: { authorization: `Bearer ${this.#token}`, 'content-type': `application/${type}` },
        },
        resolve,
      );
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const isJson = response.headers['content-type']?.includes('json');
    return { status: response.statusCode!, body: isJson ? JSON.parse(text) : text };
  }

  /** @throws where it is refused */
  async must(...asked: Parameters<ApiClient['ask']>): Promise<unknown> {
    const { status, body } = await this.ask(...asked);
    if (status < 300) return body;
    throw new Error(`${asked[0]} ${asked[1]}: ${status} ${JSON.stringify((body as { message?: string }).message)}`);
  }
}
