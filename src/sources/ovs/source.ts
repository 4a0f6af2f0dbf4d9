import { setImmediate } from 'node:timers/promises';
import { CtflowError } from '../../common/errors.js';
import { Batch } from '../../row/batch.js';
import { type ConnectionFilter, filterWords, rowMatches } from '../../row/filter.js';
import { ROW_SIZE } from '../../row/layout.generated.js';
import { DumpRows } from '../dump-rows.js';
import type { DumpSummary, OnRows, Source } from '../source.js';
import { type Datapath, readEntry } from './entry.js';
import { askVswitchd } from './vswitchd.js';

/** The datapath that ovs-vswitchd itself is, and not the kernel: its type, as `ovs-appctl dpctl/dump-dps` has it. */
const USERSPACE = 'netdev@';

/**
 * The connections that Open vSwitch tracks, asked of ovs-vswitchd. Its userspace datapath has no counters, and neither id nor
 * start: a connection begins when it is first seen, and one that comes back between two polls is the same one.
 */
export class OvsSource implements Source {
  readonly kind = 'ovs';
  readonly #filter: Uint32Array;
  readonly #datapath: string | undefined;
  readonly #rows = new DumpRows();
  readonly #row = new Batch(1);
  #closed = false;

  /** @param datapath its name, where ovs-vswitchd has several */
  constructor(filter: ConnectionFilter, datapath?: string) {
    this.#filter = filterWords(filter);
    this.#datapath = datapath;
  }

  /**
   * Asks for all connections at once, and reads the answer.
   * @throws CtflowError CTFLOW_OVS, CTFLOW_PERMISSION; CTFLOW_USAGE where there are several datapaths and none was named
   */
  async dump(onBatch: OnRows): Promise<DumpSummary> {
    if (this.#closed) throw new CtflowError('CTFLOW_OVS', 'The source ovs is closed', 'Open it again');
    this.#rows.begin(onBatch);
    try {
      return await this.#read();
    } finally {
      this.#rows.end();
    }
  }

  async lacks(): Promise<string | undefined> {
    if (kindOf(await this.#name()) === 'kernel') return undefined;
    return "connections of Open vSwitch's userspace datapath have no packet and octet counters, and no start: they begin when they are first seen";
  }

  /** Open vSwitch has none of conntrack's settings. */
  sysctl(): undefined {
    return undefined;
  }

  setSysctl(name: string): never {
    throw new CtflowError('CTFLOW_OVS', `Open vSwitch has no setting ${name}`, 'Remove --setup-sysctl');
  }

  close(): void {
    this.#closed = true;
  }

  /** Asked for each time: bridges, and with them datapaths, come and go. */
  async #name(): Promise<string> {
    return this.#datapath ?? (await onlyDatapath());
  }

  async #read(): Promise<DumpSummary> {
    const startedAt = Date.now();
    const datapath = await this.#name();
    const kind = kindOf(datapath);
    const text = await askVswitchd('dpctl/dump-conntrack', ['-m', '-s', datapath]);
    const at = Date.now();
    const skipped = { filtered: 0, malformed: 0, truncated: 0 };
    const { batch } = this.#rows;
    for (let from = 0; from < text.length && !this.#closed;) {
      const newline = text.indexOf('\n', from);
      const to = newline < 0 ? text.length : newline;
      if (!readEntry(text.slice(from, to), kind, this.#row)) skipped.malformed++;
      else if (!rowMatches(this.#row, this.#filter)) skipped.filtered++;
      else {
        batch.bytes.set(this.#row.bytes, batch.count++ * ROW_SIZE);
        if (batch.count === batch.capacity) {
          await this.#rows.deliver(at);
          await setImmediate();
        }
      }
      from = to + 1;
    }
    if (this.#closed) skipped.truncated = 1;
    await this.#rows.deliver(at);
    return { startedAt, rows: this.#rows.count, complete: skipped.truncated === 0, skipped };
  }
}

function kindOf(datapath: string): Datapath {
  return datapath.startsWith(USERSPACE) ? 'userspace' : 'kernel';
}

async function onlyDatapath(): Promise<string> {
  const names = (await askVswitchd('dpctl/dump-dps', [])).split('\n').filter(name => name !== '');
  if (names.length === 1) return names[0];
  if (names.length === 0) {
    throw new CtflowError('CTFLOW_OVS', 'ovs-vswitchd has no datapath', 'Make a bridge: ovs-vsctl add-br br0');
  }
  throw new CtflowError(
    'CTFLOW_USAGE',
    `ovs-vswitchd has several datapaths: ${names.join(', ')}`,
    `Name one: --source ovs:${names[0]}`,
  );
}
