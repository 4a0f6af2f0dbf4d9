import { MessageBatch } from '../../../src/destination/message-batch.js';
import type { FlowExtras } from '../../../src/encoder/columns.js';
import { FULL, KIND, MESSAGES, NEXT, STOP, UNKNOWN } from '../../../src/encoder/request.js';
import { ExportSlots } from '../../../src/schedule/export-state.js';
import { templateId } from '../../../src/ipfix/template-id.js';
import type { Backend } from '../../../src/backend/backend.js';
import { createProfile, type Profile } from '../../../src/ipfix/profile.js';
import { NameTable } from '../../../src/record/name-table.js';
import { Session, type SessionOptions } from '../../../src/destination/session.js';
import { FakeTransport, type SentMessage } from '../fakes/fake-transport.js';
import { END_REASON, flowTable, shape as shapeOfFacts } from '../builders/flow-table.js';
import type { Facts } from '../builders/rows.js';

interface RigOptions extends Partial<
  Pick<
    SessionOptions,
    'templateRefreshInterval' | 'templateRefreshPackets' | 'sampling' | 'sentInFront' | 'interfaceNames'
  >
> {
  limit?: number;
  unreliable?: boolean;
  profile?: Profile;
}

/** A session with its clocks in the hands of the test. */
export class SessionRig {
  monotonic = 1_000;
  wall = 1_700_000_000_400;
  readonly transport: FakeTransport;
  readonly session: Session;
  readonly names = new NameTable();

  constructor(backend: Backend, options: RigOptions = {}) {
    const { limit = 484, unreliable = true, profile = createProfile('standard', 'reverse', false) } = options;
    this.transport = new FakeTransport(limit, unreliable);
    this.session = new Session({
      names: this.names,
      backend,
      profile,
      transport: this.transport,
      observationDomain: 0xfedc_ba98,
      sampling: options.sampling ?? 'none',
      templateRefreshInterval: options.templateRefreshInterval ?? 600_000,
      templateRefreshPackets: options.templateRefreshPackets ?? 1_000_000,
      interfaceNames: options.interfaceNames,
      ...(options.sentInFront && { sentInFront: options.sentInFront }),
      monotonic: () => this.monotonic,
      wall: () => this.wall,
    });
    this.session.open();
  }

  /** Sends flow records. @returns the messages */
  send(...connections: Facts[]): SentMessage[] {
    return this.sendWith({}, ...connections);
  }

  /** Sends flow records of which more is known. @param extras columns of these connections, in their order */
  sendWith(extras: FlowExtras, ...connections: Facts[]): SentMessage[] {
    const { session } = this;
    const closed = new MessageBatch(session.largest);
    const encoder = session.createEncoder({
      columns: flowTable(...connections).columns(extras),
      exported: new ExportSlots(connections.length).bytes,
      output: closed,
      zeroDeltas: true,
      journal: -1,
    });
    const slots = Uint32Array.from(connections, (_, slot) => slot);
    const reasons = new Uint8Array(connections.length).fill(END_REASON);
    const flush = (): void => {
      session.addOversize(closed);
      if (closed.progress[MESSAGES] > 0) {
        session.prepare();
        session.send(closed.outgoing(session.segments));
      }
      closed.clear();
    };
    for (let from = 0; from < slots.length; from = closed.progress[NEXT]) {
      encoder.encode(slots, reasons, from, slots.length, session.limit, session.names);
      if (closed.progress[STOP] === UNKNOWN) session.define(encoder, closed.progress[KIND]);
      else if (closed.progress[STOP] === FULL) flush();
    }
    while (!encoder.close()) flush();
    flush();
    return this.transport.take();
  }

  /** The id of the template for flow records of one kind. */
  idOf(facts: Facts): number {
    return templateId(this.session.profile, shapeOfFacts(facts) & this.session.profile.shapes);
  }

  options(): SentMessage[] {
    this.session.sendOptions(undefined, undefined);
    return this.transport.take();
  }
}
