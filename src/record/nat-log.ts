import { nanosecondsBeyond, nanosecondsToMilliseconds } from '../common/u64.js';
import type { ProfileName } from '../ipfix/profile.js';
import { translationOf } from '../ipfix/shape.js';
import * as row from '../row/layout.generated.js';
import * as protocol from '../row/protocol.js';
import type { Beginnings } from '../store/connection-changes.js';
import * as connectionTable from '../store/connection-table.js';
import type { ConnectionTable } from '../store/connection-table.js';
import type { FlowStore, StoreListener } from '../store/flow-store.js';
import type { Moment } from '../store/poll-history.js';
import { type EventTime, NatEvents } from './nat-events.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { FAMILY, HAS_EVENT_TIME, HAS_START, HAS_STOP, PRESENT_WORD, ROW_WORDS, START_NS_WORD, STOP_NS_WORD } = row;
const { AF_INET6 } = protocol;
const { GONE } = connectionTable;

/** natEvent (IE 230) of a session that is created, and of one that is deleted. */
export type NatEventPair = readonly [create: number, remove: number];

/** IANA's registry "NAT Event Type": NAT44 session create and delete. It has none for a NAT from IPv6 to IPv6 (NAT66, RFC 6296's NPTv6). */
const NAT44: NatEventPair = [4, 5];

export interface NatCounts {
  /** Create events, those below among them. */
  created: number;
  /** Of these, events whose NEW was lost, or for which there was no room: a poll has shown the connection. */
  lateFromPoll: number;
  /** The same, but its DESTROY has. */
  lateFromDestroy: number;
  /** Delete events. */
  deleted: number;
  /** Translated IPv6 connections without events, as no natEvent is registered for them. */
  unregistered: number;
}

/** Whether a destination gets events of a NAT, and no flows. */
export function isNat({ profile }: { readonly profile: ProfileName }): boolean {
  return profile === 'nat';
}

/** The events to receive: profile nat needs NEW, and only the others have a use for UPDATE. */
export function eventKind(
  wanted: 'destroy' | 'new' | 'all',
  destinations: readonly { readonly profile: ProfileName }[],
): 'destroy' | 'new' | 'all' {
  if (!destinations.some(isNat)) return wanted;
  return wanted === 'all' && !destinations.every(isNat) ? 'all' : 'new';
}

/**
 * How far the times of events are off, where they are not the kernel's own.
 * @param timestamps nf_conntrack_timestamp is on; @param events conntrack events are received
 */
export function timeBound(timestamps: boolean, events: boolean): string | undefined {
  if (!events)
    return 'NAT events are made from polls alone: what begins and ends between two polls has none, and times are up to a poll interval late';
  if (timestamps) return undefined;
  return 'timestamps are off: NAT events have the time at which ctflow received them, and late create events that of the poll or the end that showed the connection';
}

const UNKNOWN = 0;
/** Its create event was added. */
const CREATED = 1;
/** It was there before the exporter. */
const BEFORE = 2;

/**
 * What a NAT does, as events (RFC 8158): a session is created with the NEW event of its connection, and deleted when the store
 * ends it. A connection without a NEW has its create event when the store gets it, with the kernel's start time, and so before its
 * delete.
 */
export class NatLog implements Beginnings, StoreListener {
  readonly counts: NatCounts = { created: 0, lateFromPoll: 0, lateFromDestroy: 0, deleted: 0, unregistered: 0 };
  readonly events: NatEvents;
  readonly #table: ConnectionTable;
  readonly #nat66: NatEventPair | undefined;
  /** What is known of the beginning of the connection in a slot; UNKNOWN too where it is not translated. */
  readonly #known: Uint8Array;
  readonly #time: EventTime = { milliseconds: 0, nanoseconds: 0, readAt: Number.NEGATIVE_INFINITY };
  /** Milliseconds since 1970, when {@link EventTime.readAt} was. */
  #now = 0;

  /**
   * @param connections of the kernel; @param room as of {@link NatEvents}
   * @param nat66 events of translated IPv6 connections, where they are wanted
   */
  constructor(connections: FlowStore, room: number, nat66?: NatEventPair) {
    this.#table = connections.table;
    this.#nat66 = nat66;
    this.#known = new Uint8Array(this.#table.capacity);
    this.events = new NatEvents(room, this.#table.columns({}).zeroed);
    connections.subscribe(this);
  }

  began(u32: Uint32Array, bytes: Uint8Array, from: number, at: Moment): boolean {
    if (translationOf(u32, bytes, from) === 0) return false;
    this.#time.readAt = at.monotonic;
    this.#now = at.wall;
    this.#at(at.wall, u32, from, HAS_EVENT_TIME, STOP_NS_WORD);
    this.#create(u32, bytes, from);
    return true;
  }

  stored(slot: number, created: boolean): void {
    this.#known[slot] = created ? CREATED : UNKNOWN;
  }

  added(slot: number, before: boolean): void {
    if (this.#known[slot] !== UNKNOWN) return;
    const { rows, bytes, flags } = this.#table;
    const from = slot * ROW_WORDS;
    if (translationOf(rows, bytes, from) === 0) return;
    this.#known[slot] = before ? BEFORE : CREATED;
    if (before) return;
    this.#readNow(this.#table.changedAt(slot));
    this.#at(this.#table.startMs(slot), rows, from, HAS_START, START_NS_WORD);
    if (!this.#create(rows, bytes, from)) return;
    if (flags[slot] & GONE) this.counts.lateFromDestroy++;
    else this.counts.lateFromPoll++;
  }

  beganStored(slot: number, time: number, at: Moment): void {
    if (this.#known[slot] !== BEFORE) return;
    this.#known[slot] = CREATED;
    const { rows, bytes } = this.#table;
    const from = slot * ROW_WORDS;
    this.#readNow(at.monotonic);
    this.#at(time, rows, from, HAS_START, START_NS_WORD);
    this.#create(rows, bytes, from);
  }

  gone(slot: number, reason: number): void {
    if (this.#known[slot] === UNKNOWN) return;
    this.#known[slot] = UNKNOWN;
    const { rows, bytes } = this.#table;
    const from = slot * ROW_WORDS;
    const pair = this.#pairOf(bytes, from);
    if (!pair) return;
    this.#readNow(this.#table.changedAt(slot));
    this.#at(this.#now, rows, from, HAS_STOP, STOP_NS_WORD);
    this.events.add(rows, from, pair[1], this.#time);
    this.events.addEnd(this.#table, slot, reason, this.#time);
    this.counts.deleted++;
  }

  /** It is still there; when it returns, it is one from before. */
  evicted(slot: number): void {
    this.#known[slot] = UNKNOWN;
  }

  cleared(): void {
    this.#known.fill(UNKNOWN);
  }

  /** @returns whether there is such an event */
  #create(u32: Uint32Array, bytes: Uint8Array, from: number): boolean {
    const pair = this.#pairOf(bytes, from);
    if (!pair) {
      this.counts.unregistered++;
      return false;
    }
    this.events.add(u32, from, pair[0], this.#time);
    this.counts.created++;
    return true;
  }

  #pairOf(bytes: Uint8Array, from: number): NatEventPair | undefined {
    return bytes[from * 4 + FAMILY] === AF_INET6 ? this.#nat66 : NAT44;
  }

  /** The clock is read once for all that was read at one moment. @param readAt monotonic milliseconds */
  #readNow(readAt: number): void {
    if (readAt === this.#time.readAt) return;
    this.#time.readAt = readAt;
    this.#now = Date.now();
  }

  /**
   * The time of the next event: the kernel's where the row has it, but never one to come.
   * @param otherwise milliseconds since 1970
   * @param flag of the row, where it has nanoseconds at `word`
   */
  #at(otherwise: number, u32: Uint32Array, from: number, flag: number, word: number): void {
    const time = this.#time;
    time.milliseconds = otherwise;
    time.nanoseconds = 0;
    if ((u32[from + PRESENT_WORD] & flag) === 0) return;
    const low = u32[from + word];
    const high = u32[from + word + 1];
    const exact = nanosecondsToMilliseconds(low, high);
    if (exact > this.#now) return;
    time.milliseconds = exact;
    time.nanoseconds = nanosecondsBeyond(low, high);
  }
}
