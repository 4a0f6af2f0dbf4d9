import { MOST_TEMPLATES } from '../../src/ipfix/options.js';
import { AGGREGATE_KEYS, aggregateProfile } from '../../src/ipfix/profile-aggregate.js';
import { createProfile, type Profile } from '../../src/ipfix/profile.js';
import { FROM_HOST } from '../../src/encoder/columns.js';
import { perBackend } from '../helpers/backends.js';
import type { SentMessage } from '../helpers/fakes/fake-transport.js';
import type { Facts } from '../helpers/builders/rows.js';
import { Decoder, readMessage, readTemplates } from '../helpers/builders/wire.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';

/** Connections of 72 kinds, each with a template of its own. */
const KINDS: Facts[] = [];
for (const address of [{}, { source: '2001:db8::1', destination: '2001:db8::2' }]) {
  for (const zone of [{}, { zone: 1 }, { replyZone: 1 }]) {
    for (const protocol of [
      { protocol: 50 },
      { protocol: 6, sourcePort: 1, destinationPort: 2 },
      { protocol: 1, icmp: { type: 8, code: 0, id: 1, replyType: 0 } },
    ]) {
      for (const helper of [{}, { helper: 'x' }]) {
        for (const counters of [{}, { counters: [1, 1, 1, 1] as const }]) {
          KINDS.push({ ...address, ...zone, ...protocol, ...helper, ...(counters as Facts) });
        }
      }
    }
  }
}

/** Templates and options templates in the messages, without withdrawals. */
const announced = (messages: readonly SentMessage[]): number[] =>
  messages.flatMap(({ bytes }) =>
    readMessage(bytes)
      .sets.filter(({ id }) => id < 256)
      .flatMap(readTemplates)
      .filter(({ fields }) => fields.length > 0)
      .map(({ id }) => id),
  );

perBackend('a collector keeps 64 templates at most; the one that was used least recently makes room', (t, backend) => {
  const rig = new SessionRig(backend, { limit: 1_400, sampling: 'current', templateRefreshInterval: 60_000 });
  const decoder = new Decoder();
  const [first, ...others] = KINDS;
  decoder.decode([...rig.send(first), ...rig.options()]);
  for (const facts of others) {
    t.is(decoder.decode([...rig.send(facts), ...rig.send(first)]).length, 2);
  }
  rig.monotonic += 60_000;
  const again = announced(rig.options());
  t.true(again.length <= MOST_TEMPLATES, `${again.length} templates`);
  t.true(again.length >= MOST_TEMPLATES - 3, `${again.length} templates`);
  t.true(again.includes(rig.idOf(first)), 'it was used again and again');
  t.false(again.includes(rig.idOf(others[0])));
  t.is(rig.session.counts.retiredTemplates, KINDS.length - (MOST_TEMPLATES - 7));
  // a kind that comes back has its template again
  const back = rig.send(others[0]);
  t.deepEqual(
    announced(back),
    Array.from({ length: 3 }, () => rig.idOf(others[0])),
  );
  t.is(rig.session.counts.records, KINDS.length * 2);
});

perBackend('RFC 7011 8.1 and 8.4: over TCP a template that goes is withdrawn, over UDP it is not', (t, backend) => {
  for (const unreliable of [true, false]) {
    const rig = new SessionRig(backend, { limit: 1_400, unreliable });
    const sent = KINDS.flatMap(facts => rig.send(facts));
    const withdrawn = sent.flatMap(({ bytes }) =>
      readMessage(bytes)
        .sets.filter(({ id }) => id === 2)
        .flatMap(readTemplates)
        .filter(({ fields }) => fields.length === 0),
    );
    t.is(withdrawn.length, unreliable ? 0 : KINDS.length - (MOST_TEMPLATES - 7));
    t.is(new Decoder(unreliable ? 'udp' : 'tcp').decode(sent).length, KINDS.length);
  }
});

perBackend(
  'messages of an earlier session with more kinds than that go on with the templates that they need',
  (t, backend) => {
    const rig = new SessionRig(backend, { limit: 1_400, unreliable: false });
    rig.transport.left.push(...KINDS.flatMap(facts => rig.send(facts)));
    rig.session.open();
    t.is(new Decoder('tcp').decode(rig.transport.take()).length, KINDS.length);
  },
);

/** Many more kinds, in an order in which each differs from the one before in much. */
function* allKinds(): Generator<Facts> {
  for (const lasts of [1, 2 ** 33]) {
    for (const hostEnd of [0, FROM_HOST]) {
      for (const more of [{}, { mark: 1 }, { replyDestination: undefined, eventTime: 1n }]) {
        for (const facts of KINDS) {
          const v6 = facts.source !== undefined;
          const translated = hostEnd === 0 ? {} : { replyDestination: v6 ? '2001:db8::9' : '203.0.113.9' };
          yield { ...facts, ...translated, ...(more as Facts), lasts, hostEnd };
        }
      }
    }
  }
}

/** Profiles with more kinds of records than a collector has to keep templates, but for the last. */
const MANY: readonly (readonly [what: string, profile: Profile])[] = [
  ['standard, interfaces by routes', createProfile('standard', 'reverse', true, undefined, 'route')],
  ['standard, two uniflows', createProfile('standard', 'two-uniflows', false)],
  ['nat', createProfile('nat', 'reverse', false)],
  ['nat, two uniflows', createProfile('nat', 'two-uniflows', false)],
  ['sums', aggregateProfile(AGGREGATE_KEYS, 'two-uniflows', { ingress: 1, egress: 2 })],
  ['antrea', createProfile('antrea', 'reverse', false)],
];

for (const [what, profile] of MANY) {
  perBackend(`whatever is exported, no more than 64 templates are active: ${what}`, (t, backend) => {
    const rig = new SessionRig(backend, {
      limit: 1_400,
      unreliable: false,
      profile,
      sampling: 'deprecated',
      interfaceNames: { version: 1, list: [{ index: 1, name: 'a', description: 'b' }] },
    });
    const decoder = new Decoder('tcp');
    const active = new Set<number>();
    const ever = new Set<number>();
    const all = [...allKinds()];
    let most = 0;
    let records = 0;
    for (let from = 0; from < all.length; from += 9) {
      const some = all.slice(from, from + 9);
      const interfaces = Uint32Array.from({ length: some.length * 2 }, (_, i) => (from + i) % 3);
      for (const sent of [...rig.sendWith({ interfaces }, ...some), ...(from === 0 ? rig.options() : [])]) {
        records += decoder.decode([sent]).filter(({ isOptions }) => !isOptions).length;
        for (const set of readMessage(sent.bytes).sets.filter(({ id }) => id < 256)) {
          for (const { id, fields } of readTemplates(set)) {
            ever.add(id);
            if (fields.length === 0) active.delete(id);
            else active.add(id);
          }
        }
        most = Math.max(most, active.size);
      }
    }
    t.log(`${ever.size} kinds of records, options among them`);
    t.true(most <= MOST_TEMPLATES, `${most} active templates`);
    t.true(records >= all.length);
    if (profile.name !== 'antrea') t.true(ever.size > MOST_TEMPLATES, 'there are not so many kinds');
    t.is(rig.session.counts.retiredTemplates > 0, profile.name !== 'antrea');
  });
}
