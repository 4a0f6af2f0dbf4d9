import type { Backend } from '../backend/backend.js';
import { CtflowError } from '../common/errors.js';
import { nanosecondsToMilliseconds } from '../common/u64.js';
import { U16_MAX, U32_MAX } from '../common/unsigned.js';
import { createProfile, type ProfileName } from '../ipfix/profile.js';
import type { Biflow } from '../ipfix/profile-standard.js';
import { NameTable } from '../record/name-table.js';
import type { Batch } from '../row/batch.js';
import {
  HAS_START,
  HAS_START_ESTIMATE,
  PRESENT_WORD,
  ROW_SIZE,
  ROW_WORDS,
  START_NS_WORD,
} from '../row/layout.generated.js';
import { ExportSlots } from '../schedule/export-state.js';
import { ConnectionTable } from '../store/connection-table.js';
import { ACTIVE_TIMEOUT } from '../store/end-reason.js';
import { copyMessages } from '../transport/transport.js';
import { RecordSender } from './batchers/record-sender.js';
import { Session } from './session.js';

/** Rows that are encoded at a time. */
const STEP = 512;
/** As for `--mtu`: a template and a record must find room. */
const LEAST_MESSAGE = 256;

export interface IpfixEncoderOptions {
  readonly backend: Backend;
  /** Who has seen the flows: a number of 32 bits, which with the exporter's address names it (RFC 7011 section 3.1). */
  readonly observationDomain: number;
  /** Octets of a message at most, 256 to 65,535; 1,400 by default, which a datagram carries nearly everywhere. */
  readonly messageSize?: number;
  /** `nat` needs events and is not among them. */
  readonly profile?: Exclude<ProfileName, 'nat'>;
  readonly biflow?: Biflow;
  /** Also mark and conntrack id (PEN 21373). */
  readonly netfilterElements?: boolean;
  /** Elements by name, in place of those of profile `standard`; see docs/records.md. */
  readonly fields?: readonly string[];
}

/**
 * Writes rows of connections as IPFIX messages (RFC 7011), for a program that sends or stores them by itself. It keeps templates
 * and sequence numbers, and nothing of the rows: each is a record of its own, and its delta counters are all that the connection has
 * counted. An `Exporter` remembers what it has exported, and needs no encoder.
 */
export class IpfixEncoder {
  readonly #session: Session;
  readonly #sender: RecordSender;
  readonly #table = new ConnectionTable(STEP);
  readonly #exported = new ExportSlots(STEP).bytes;
  readonly #slots = Uint32Array.from({ length: STEP }, (_, slot) => slot);
  readonly #reasons = new Uint8Array(STEP).fill(ACTIVE_TIMEOUT);
  #messages: Uint8Array[] = [];
  #at = 0;

  /** @throws CtflowError CTFLOW_USAGE for a number out of range, or elements that cannot be */
  constructor(options: IpfixEncoderOptions) {
    const { backend, observationDomain, messageSize = 1_400, profile = 'standard', biflow = 'reverse' } = options;
    check('observationDomain', observationDomain, 0, U32_MAX);
    check('messageSize', messageSize, LEAST_MESSAGE, U16_MAX);
    this.#session = new Session({
      backend,
      profile: createProfile(profile, biflow, options.netfilterElements ?? false, options.fields, 'none', {
        observationDomain,
      }),
      names: new NameTable(),
      transport: {
        limit: messageSize,
        unreliable: false,
        ready: true,
        send: (bytes, lengths, messages) => {
          for (const message of copyMessages(bytes, lengths, messages)) this.#messages.push(message.bytes);
        },
        takeBack: () => [],
      },
      observationDomain,
      sampling: 'none',
      templateRefreshInterval: Infinity,
      templateRefreshPackets: Infinity,
      monotonic: () => 0,
      wall: () => this.#at,
    });
    const columns = this.#table.columns({});
    this.#sender = new RecordSender(this.#session, { columns, exported: this.#exported, zeroDeltas: true }, undefined);
    this.#session.open();
  }

  /** Records that no message of this size can hold; they are in none. */
  get oversize(): number {
    return this.#session.counts.oversize;
  }

  /**
   * Encodes the rows of a batch, as a dump delivers them. A template goes in front of its first record.
   * @param at export time of the messages, and end of the flows, milliseconds since 1970: when the rows were read. A flow whose
   * row has no start begins then too. No message has an earlier export time than the one before.
   * @returns whole messages in the order in which they are to be sent; their memory is the caller's
   * @throws CtflowError CTFLOW_USAGE for rows of another size
   */
  encode(batch: Batch, at: number = Date.now()): Uint8Array[] {
    const { size, count, u32 } = batch;
    if (size !== ROW_SIZE) {
      throw new CtflowError('CTFLOW_USAGE', `A row has ${size} bytes, not ${ROW_SIZE}`, 'Give a batch of a source');
    }
    this.#at = at;
    const table = this.#table;
    for (let from = 0; from < count; from += STEP) {
      const rows = Math.min(count - from, STEP);
      for (let row = from; row < from + rows; row++) {
        const slot = table.allocate(u32, row * ROW_WORDS);
        table.setStartMs(slot, Math.min(startOf(u32, row * ROW_WORDS) ?? at, at));
        table.setEndMs(slot, at);
      }
      this.#sender.encode(this.#slots, this.#reasons, rows);
      this.#sender.closeAll();
      table.clear();
      this.#exported.fill(0);
    }
    return this.#take();
  }

  /**
   * All templates in use once more, for UDP, where they may be lost and collectors forget them (RFC 7011 section 8.4).
   * @param at as of {@link encode}
   */
  templates(at: number = Date.now()): Uint8Array[] {
    this.#at = at;
    this.#session.refresh();
    return this.#take();
  }

  /** Begins anew, as for another connection or file: sequence numbers from 0, templates in front of their first records. */
  restart(): void {
    this.#session.open();
  }

  #take(): Uint8Array[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }
}

/** Milliseconds since 1970. */
function startOf(u32: Uint32Array, from: number): number | undefined {
  if (!(u32[from + PRESENT_WORD] & (HAS_START | HAS_START_ESTIMATE))) return undefined;
  return nanosecondsToMilliseconds(u32[from + START_NS_WORD], u32[from + START_NS_WORD + 1]);
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new CtflowError('CTFLOW_USAGE', `${name} is ${value}`, `Give a whole number from ${least} to ${most}`);
}
