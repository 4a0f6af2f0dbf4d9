import { note } from '../../common/terminal/standard-streams.js';
import type { DaemonStatus } from '../../daemon/control/status.js';
import type { PressurePage } from '../../daemon/top/pressure-page.js';
import { askDaemon } from '../control/ask-daemon.js';
import { daemonNamespace } from '../control/daemon-namespace.js';
import type { SourceSettings } from '../open-source.js';
import { openOwnExporter, type OwnExporter } from '../top/own-exporter.js';

/** Who looks at the table. */
export interface Looks {
  /** For the first line. */
  readonly origin: string;
  /** The kernel is looked at, whose rules translate. */
  readonly byKernel: boolean;
  /** The network namespace that is looked at, a name or a path; undefined for this process's own. */
  readonly netns: string | undefined;
  /** Polls, and counts. @param rows groups of each kind at most */
  look(rows: number): Promise<PressurePage>;
  close(): Promise<void>;
}

/** A ctflow run looks. */
export class DaemonLooks implements Looks {
  readonly origin: string;
  readonly byKernel: boolean;
  readonly netns: string;
  readonly #socket: string | undefined;
  readonly #request: string | undefined;

  private constructor(socket: string | undefined, status: DaemonStatus, wanted: string | undefined) {
    const { version, pid, source } = status;
    const { request, words, netns } = daemonNamespace(status, wanted);
    this.#socket = socket;
    this.#request = request;
    this.byKernel = ['netlink', 'procfs'].includes(source!);
    this.origin = `ctflow run ${version} (pid ${pid})${words}`;
    this.netns = netns;
  }

  /**
   * @param socket its path; undefined for the places where a daemon has it by default
   * @param netns which of its network namespaces; undefined for the first one
   * @throws CtflowError CTFLOW_CONTROL where no daemon answers, CTFLOW_PERMISSION where this user may not ask it
   */
  static async open(socket: string | undefined, netns: string | undefined): Promise<DaemonLooks> {
    return new DaemonLooks(socket, (await askDaemon(socket, { command: 'status' })) as DaemonStatus, netns);
  }

  async look(rows: number): Promise<PressurePage> {
    const request = { command: 'pressure', netns: this.#request, query: { rows } } as const;
    return (await askDaemon(this.#socket, request, 'ctflow run polls')) as PressurePage;
  }

  async close(): Promise<void> {}
}

/** Milliseconds until it would poll by itself. */
const NEVER_MS = 86_400_000;

/** This process polls itself. */
export class OwnLooks implements Looks {
  readonly origin: string;
  readonly byKernel: boolean;
  readonly netns: string | undefined;
  readonly #own: OwnExporter;
  #looked = false;

  private constructor(own: OwnExporter, { source, netns }: SourceSettings) {
    this.origin = own.origin;
    this.byKernel = ['kernel', 'procfs'].includes(source);
    this.netns = netns;
    this.#own = own;
  }

  /** @throws CtflowError where the connections cannot be read */
  static async open(flags: SourceSettings): Promise<OwnLooks> {
    return new OwnLooks(await openOwnExporter(flags, { flowPollInterval: NEVER_MS }, note), flags);
  }

  async look(rows: number): Promise<PressurePage> {
    // it has polled when it was opened
    if (this.#looked) await this.#own.exporter.poll();
    this.#looked = true;
    return this.#own.top.pressure({ rows });
  }

  async close(): Promise<void> {
    await this.#own.exporter.close();
  }
}
