import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiObject, Kind, ObjectStore } from '../../test/helpers/kubernetes/api-server.js';
import type { ApiClient } from './api-client.js';

/** Times that a service is made again whose address is not free yet, and milliseconds between them. */
const TRIES = 100;
const WAIT_MS = 20;

/** Makes, changes and removes objects of a real API server, one after the other, in the order in which it is told to. */
export class RealObjects implements ObjectStore {
  readonly #api: ApiClient;
  /** By the uid that whoever tells has given it: its path. */
  readonly #paths = new Map<string, string>();
  #last: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  put(kind: Kind, object: ApiObject): void {
    this.#then(() => this.#put(kind, object));
  }

  remove(_kind: Kind, uid: string): void {
    this.#then(async () => {
      await this.#api.must('DELETE', `${this.#paths.get(uid)!}?gracePeriodSeconds=0`);
      this.#paths.delete(uid);
    });
  }

  /** All of it has been done. @throws what the server refused */
  async done(): Promise<void> {
    await this.#last;
    if (this.#failure) throw this.#failure;
  }

  #then(work: () => Promise<unknown>): void {
    this.#last = this.#last.then(work).catch((error: Error) => (this.#failure ??= error));
  }

  async #put(kind: Kind, { metadata, spec, status }: ApiObject): Promise<void> {
    const { uid, name, namespace, deletionTimestamp } = metadata;
    const path = this.#paths.get(uid);
    if (path !== undefined && deletionTimestamp !== undefined)
      return void (await this.#api.must('DELETE', `${path}?gracePeriodSeconds=30`));
    if (path === undefined) {
      const folder = namespace === undefined ? `/api/v1/${kind}` : `/api/v1/namespaces/${namespace}/${kind}`;
      this.#paths.set(uid, `${folder}/${name}`);
      const more = kind === 'pods' && { containers: [{ name: 'main', image: 'none' }] };
      await this.#make(folder, { metadata: { name }, spec: { ...spec, ...more }, ...(kind === 'nodes' && { status }) });
    }
    if (kind === 'pods')
      await this.#api.must('PATCH', `${this.#paths.get(uid)!}/status`, { status }, 'merge-patch+json');
  }

  async #make(folder: string, object: unknown): Promise<void> {
    for (let tries = TRIES; ; tries--) {
      const { status, body } = await this.#api.ask('POST', folder, object);
      if (status < 300) return;
      const message = (body as { message?: string }).message ?? '';
      if (tries === 0 || !message.includes('already allocated')) throw new Error(`POST ${folder}: ${message}`);
      await sleep(WAIT_MS);
    }
  }
}
