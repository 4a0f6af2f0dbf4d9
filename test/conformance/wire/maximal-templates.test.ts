/** The largest templates: each that ctflow has at the smallest limit that holds it, and what a collector is sent at most. */
import test from 'ava';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { DEFAULT_LIMITS } from '../../../src/collector/limits.js';
import { newStats } from '../../../src/collector/stats.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import { MESSAGE_HEADER, SET_HEADER } from '../../../src/ipfix/message.js';
import { createProfile } from '../../../src/ipfix/profile.js';
import { perBackend } from '../../helpers/backends.js';
import { message, set, templateSet, VARIABLE, type Specifier } from '../../helpers/builders/ipfix-builder.js';
import type { Facts } from '../../helpers/builders/rows.js';
import { Decoder, readMessage } from '../../helpers/builders/wire.js';
import { SessionRig } from '../../helpers/rigs/session-rig.js';

/** All that a row of the kernel can hold. */
const EVERYTHING: Facts = {
  protocol: 17,
  source: '2001:db8::1',
  destination: '2001:db8::2',
  replySource: '2001:db8::3',
  sourcePort: 1,
  destinationPort: 2,
  counters: [1, 2, 3, 4],
  zone: 1,
  mark: 2,
  id: 3,
  helper: '',
};

for (const [profile, biflow] of [
  ['standard', 'reverse'],
  ['standard', 'two-uniflows'],
  ['antrea', 'reverse'],
] as const) {
  perBackend(
    `RFC 7011 3.4.1, 10.3.3: ${profile} (${biflow}): the largest template and its data fit into packets as large as they, and into none smaller`,
    (t, backend) => {
      const made = createProfile(profile, biflow, profile === 'standard');
      const tried = (limit: number): SessionRig => new SessionRig(backend, { limit, profile: made, unreliable: false });
      const sets = tried(1 << 14)
        .send(EVERYTHING)
        .flatMap(({ bytes }) => readMessage(bytes).sets);
      t.is(sets[0].id, 2);
      const limit = MESSAGE_HEADER + SET_HEADER + Math.max(...sets.map(({ content }) => content.length));
      const fits = tried(limit);
      const sent = fits.send(EVERYTHING);
      t.is(Math.max(...sent.map(({ bytes }) => bytes.length)), limit, 'one fills it');
      t.is(new Decoder('tcp').decode(sent).length, made.uniflows ? 2 : 1);
      t.is(fits.session.counts.oversize, 0);
      const small = tried(limit - 1);
      const fewer = small.send(EVERYTHING);
      t.true(fewer.every(({ bytes }) => bytes.length < limit));
      t.true(small.session.counts.oversize > 0, 'what does not fit is counted');
      t.notThrows(() => new Decoder('tcp').decode(fewer));
    },
  );
}

test('RFC 7011 9: a template with as many fields as a session may have is read; one more is refused', t => {
  const specifiers = (count: number): Specifier[] => Array.from({ length: count }, () => [4, 1]);
  for (const [count, refused] of [
    [DEFAULT_LIMITS.fields, 0],
    [DEFAULT_LIMITS.fields + 1, 1],
  ]) {
    const session = new TransportSession('test', 'tcp', newStats());
    decodeMessage(message({}, templateSet(256, ...specifiers(count))), session);
    const { records } = decodeMessage(message({}, set(256, Buffer.alloc(count, 6))), session);
    t.is(session.stats.refusedTemplates, refused);
    t.is([...records].length, 1 - refused);
  }
});

test('RFC 7011 3.1, 7: the largest message, of one record with the longest value, is read', t => {
  const session = new TransportSession('test', 'tcp', newStats());
  decodeMessage(message({}, templateSet(256, [96, VARIABLE])), session);
  const longest = 65_535 - MESSAGE_HEADER - SET_HEADER - 3;
  const head = Buffer.from([255, longest >> 8, longest & 255]);
  const bytes = message({}, set(256, head, Buffer.alloc(longest, 'x')));
  t.is(bytes.length, 65_535);
  const [record] = decodeMessage(bytes, session).records;
  t.is(String(record.get('applicationName')).length, longest);
});
