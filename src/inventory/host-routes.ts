import { addCounts } from '../common/add-counts.js';
import { CtflowError, describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import { FLOW_INTERFACES, type FlowExtras } from '../encoder/columns.js';
import type { RouteMark } from '../ipfix/interfaces.js';
import type { RouteCounts, RouteLookup, Source } from '../sources/source.js';
import type { FlowStore } from '../store/flow-store.js';

/** Through which interfaces flows go, by the routes of the source's namespace when a record is made. */
export class HostRoutes {
  readonly #source: Required<Pick<Source, 'routes'>>;
  readonly #ctmark: boolean;
  readonly #log: Logger;
  #lookup: RouteLookup | undefined;
  /** Of namespaces before. */
  #earlier: RouteCounts | undefined;
  /** Records while there was no namespace, or it could not be opened. */
  #without = 0;
  #failed = false;

  /** @throws CtflowError CTFLOW_BACKEND_LACKS, CTFLOW_USAGE where the source has no routes */
  constructor(source: Pick<Source, 'kind' | 'routes'>, mark: RouteMark, log: Logger) {
    const { kind, routes } = source;
    if (!routes) throw refusal(kind);
    this.#source = { routes: routes.bind(source) };
    this.#ctmark = mark === 'ctmark';
    this.#log = log;
  }

  counts(): RouteCounts {
    const none = { asked: 0, forgotten: 0, unreachable: 0, ambiguous: 0, postponed: 0, failed: 0 };
    const now = addCounts(this.#earlier, this.#lookup?.counts() ?? none)!;
    return { ...now, failed: now.failed + this.#without };
  }

  /** The interfaces of a store's flows, and how they are found. */
  of({ table }: FlowStore): Required<Pick<FlowExtras, 'interfaces' | 'findInterfaces'>> {
    const interfaces = new Uint32Array(table.capacity * FLOW_INTERFACES);
    const { bytes } = table;
    const findInterfaces = (slots: Uint32Array, reasons: Uint8Array, count: number): void =>
      this.#find(bytes, slots, reasons, count, interfaces);
    return { interfaces, findInterfaces };
  }

  #find(rows: Uint8Array, slots: Uint32Array, reasons: Uint8Array, count: number, out: Uint32Array): void {
    let asked = false;
    try {
      const lookup = this.#current();
      asked = lookup !== undefined;
      lookup?.look(rows, slots, reasons, count, out);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#log.warn(`${describeError(error)}; records leave without interfaces`);
      this.#failed = true;
    }
    if (asked) return;
    for (let i = 0; i < count; i++) {
      if (reasons[i] === 0) continue;
      out.fill(0, slots[i] * FLOW_INTERFACES, (slots[i] + 1) * FLOW_INTERFACES);
      this.#without++;
    }
  }

  #current(): RouteLookup | undefined {
    const current = this.#source.routes(this.#ctmark);
    if (current !== this.#lookup) {
      this.#earlier = addCounts(this.#earlier, this.#lookup?.counts());
      this.#lookup = current;
    }
    return current;
  }
}

function refusal(kind: Source['kind']): CtflowError {
  const without = { ovs: 'Open vSwitch asks for no routes', replay: 'A recording has no routes' };
  return kind === 'replay' || kind === 'ovs'
    ? new CtflowError('CTFLOW_USAGE', without[kind], 'Use other interfaces than route')
    : new CtflowError(
        'CTFLOW_BACKEND_LACKS',
        'Only the native backend can ask the kernel for routes',
        'Build the native module, or use other interfaces than route',
      );
}
