import type { SnatPorts } from '../../config/snat-ports.js';
import { ask } from '../../daemon/control/client.js';
import type { DaemonStatus } from '../../daemon/control/status.js';
import type { TopPage } from '../../daemon/top/page.js';
import type { TopQuery } from '../../daemon/top/query.js';
import { pageWithPorts } from '../../daemon/top/snat-ports.js';
import { askDaemon } from '../control/ask-daemon.js';
import { daemonNamespace } from '../control/daemon-namespace.js';
import type { PageSource, TopSource } from './page-source.js';

/** Pages of a daemon, over its control socket. One that goes away is asked again and again. */
export class DaemonPages implements PageSource {
  readonly origin: string;
  readonly #socket: string | undefined;
  readonly #netns: string | undefined;
  readonly #snatPorts: readonly SnatPorts[];
  readonly #closing = new AbortController();

  private constructor(
    status: DaemonStatus,
    { control, netns, snatPorts = [] }: Pick<TopSource, 'control' | 'netns' | 'snatPorts'>,
  ) {
    const { version, pid } = status;
    const { request, words } = daemonNamespace(status, netns);
    this.#socket = control;
    this.#snatPorts = snatPorts;
    this.#netns = request;
    this.origin = `ctflow run ${version} (pid ${pid})${words}`;
  }

  /**
   * @param flags the socket's path, undefined for the places where a daemon has it by default; which of its network namespaces, undefined
   *   for the first one; and what is known beside the daemon's settings
   * @throws CtflowError CTFLOW_CONTROL where no daemon answers, CTFLOW_PERMISSION where this user may not ask it
   */
  static async open(flags: Pick<TopSource, 'control' | 'netns' | 'snatPorts'>): Promise<DaemonPages> {
    return new DaemonPages((await askDaemon(flags.control, { command: 'status' })) as DaemonStatus, flags);
  }

  async page(query: TopQuery): Promise<TopPage> {
    const request = { command: 'top', netns: this.#netns, query } as const;
    const page = (await ask(this.#socket, request, undefined, this.#closing.signal)) as TopPage;
    return pageWithPorts(page, query, this.#snatPorts);
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }
}
