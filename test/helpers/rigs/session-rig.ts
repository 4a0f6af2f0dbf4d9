import { templateId } from '../../../src/ipfix/template-id.js';
import type { Backend } from '../../../src/backend/backend.js';
import { createProfile, type Profile } from '../../../src/ipfix/profile.js';
import { NameTable } from '../../../src/record/name-table.js';
import { Session, type SessionOptions } from '../../../src/destination/session.js';
import { FakeTransport, type SentMessage } from '../fakes/fake-transport.js';
import { flowBatch, shape as shapeOfFacts } from '../builders/flow-batch.js';
import type { Facts } from '../builders/rows.js';

interface RigOptions extends Partial<Pick<SessionOptions, 'templateRefreshInterval' | 'templateRefreshPackets'>> {
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
      templateRefreshInterval: options.templateRefreshInterval ?? 600_000,
      templateRefreshPackets: options.templateRefreshPackets ?? 1_000_000,
      monotonic: () => this.monotonic,
      wall: () => this.wall,
    });
    this.session.open();
  }

  /** Sends flow records of one kind. @returns the messages */
  send(...connections: Facts[]): SentMessage[] {
    this.session.send(shapeOfFacts(connections[0]), flowBatch(...connections));
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
