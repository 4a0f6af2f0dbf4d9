import {
  EVENT,
  FAMILY,
  HAS_EVENT_TIME,
  HAS_ORIG_COUNTERS,
  ORIG_OCTETS_WORD,
  ORIG_SPORT,
  PRESENT_WORD,
  ROW_SIZE,
  ROW_WORDS,
} from '../../../src/row/layout.generated.js';
import { NatLog, type NatEventPair } from '../../../src/record/nat-log.js';
import type { SlotHolder } from '../../../src/store/flow-store.js';
import { readNumber } from '../../../src/common/u64.js';
import { ConnectionStore, type StoreOptions } from '../../../src/store/connection-store.js';
import type { Moment } from '../../../src/store/poll-history.js';
import { TcpHistory } from '../../../src/store/tcp-history.js';
import { rows, type Facts } from '../builders/rows.js';
import { kernelTimeouts } from './store-rig.js';

/** What a destination of profile nat is to export. */
export interface Told {
  readonly event: number | 'end';
  readonly port: number;
  readonly family: number;
  /** Milliseconds since 1970: of an event, or of the start of a connection. */
  readonly time: number;
  /** Of an end. */
  readonly octets?: number;
  readonly reason?: number;
}

export interface NatRigOptions extends Partial<Pick<StoreOptions, 'maxConnections' | 'firstSight' | 'filter'>> {
  nat66?: NatEventPair;
  /** NEW events are not received. */
  withoutNew?: true;
  /** Events and ends that may wait. */
  room?: number;
}

/** A store with what is told of its translated connections; time stands still unless the test moves it. */
export class NatRig {
  /** In the past, so that no time is one to come. */
  wall = Date.now() - 3_600_000;
  monotonic = 50_000;
  readonly store: ConnectionStore;
  readonly log: NatLog;
  readonly told: Told[] = [];

  constructor({
    maxConnections = 64,
    firstSight = 'baseline',
    filter,
    nat66,
    withoutNew,
    room = 4,
  }: NatRigOptions = {}) {
    this.store = new ConnectionStore({ maxConnections, endedRoom: 16, firstSight, filter, born: this.now() });
    this.log = new NatLog(this.store, room, nat66);
    if (!withoutNew) this.store.expectChanges(new TcpHistory(this.store.table.capacity), this.log);
    this.store.expectEvents(true);
    this.log.events.hold(this.#holder());
  }

  now(): Moment {
    return { wall: this.wall, monotonic: this.monotonic };
  }

  advance(milliseconds: number): void {
    this.wall += milliseconds;
    this.monotonic += milliseconds;
  }

  /** A dump that shows these connections. @param meanwhile between its request and its first row */
  poll(connections: readonly Facts[], meanwhile = (): void => {}): void {
    this.store.beginDump();
    meanwhile();
    this.store.beginPoll(this.now(), kernelTimeouts());
    this.store.merge(rows(...connections), this.now());
    for (let from = 0; from >= 0;) from = this.store.sweep(from, 1_000, this.now());
    this.store.endPoll(true);
  }

  receive(...events: readonly Facts[]): void {
    this.store.applyEvents(rows(...events), this.now());
  }

  destroy(...connections: readonly Facts[]): void {
    this.store.applyDestroys(rows(...connections), this.now());
  }

  #holder(): SlotHolder {
    const { table } = this.log.events;
    return {
      added: () => {},
      changed: () => {},
      evicted: () => {},
      cleared: () => {},
      countersReset: () => {},
      foundNew: () => {},
      lost: () => {},
      gone: () => {},
      over: (slot, reason) => {
        const row = slot * ROW_WORDS;
        const isEvent = (table.rows[row + PRESENT_WORD] & HAS_EVENT_TIME) !== 0;
        const port = new DataView(table.bytes.buffer, table.bytes.byteOffset).getUint16(
          slot * ROW_SIZE + ORIG_SPORT,
          true,
        );
        const counted = (table.rows[row + PRESENT_WORD] & HAS_ORIG_COUNTERS) !== 0;
        this.told.push({
          event: isEvent ? table.bytes[slot * ROW_SIZE + EVENT] : 'end',
          port,
          family: table.bytes[slot * ROW_SIZE + FAMILY],
          time: table.startMs(slot),
          ...(!isEvent && { reason }),
          ...(counted && { octets: readNumber(table.rows, row + ORIG_OCTETS_WORD) }),
        });
        this.log.events.release(slot);
      },
    };
  }
}
