import { ask } from '../../daemon/control/client.js';
import type { DaemonStatus } from '../../daemon/control/status.js';
import type { TopPage } from '../../daemon/top/page.js';
import type { TopQuery } from '../../daemon/top/query.js';
import { askDaemon } from '../control/ask-daemon.js';
import { daemonNamespace } from '../control/daemon-namespace.js';
import type { PageSource } from './page-source.js';

/** Pages of a daemon, over its control socket. One that goes away is asked again and again. */
export class DaemonPages implements PageSource {
  readonly origin: string;
  readonly #socket: string | undefined;
  readonly #netns: string | undefined;
  readonly #closing = new AbortController();

  private constructor(socket: string | undefined, status: DaemonStatus, netns: string | undefined) {
    const { version, pid } = status;
    const { request, words } = daemonNamespace(status, netns);
    this.#socket = socket;
    this.#netns = request;
    this.origin = `ctflow run ${version} (pid ${pid})${words}`;
  }

  /**
   * @param socket its path; undefined for the places where a daemon has it by default
   * @param netns which of its network namespaces; undefined for the first one
   * @throws CtflowError CTFLOW_CONTROL where no daemon answers, CTFLOW_PERMISSION where this user may not ask it
   */
  static async open(socket: string | undefined, netns: string | undefined): Promise<DaemonPages> {
    return new DaemonPages(socket, (await askDaemon(socket, { command: 'status' })) as DaemonStatus, netns);
  }

  async page(query: TopQuery): Promise<TopPage> {
    return (await ask(
      this.#socket,
      { command: 'top', netns: this.#netns, query },
      undefined,
      this.#closing.signal,
    )) as TopPage;
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }
}
