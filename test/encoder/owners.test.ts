import { FIRST_DETAIL, TEST_OWNER } from '../../src/ipfix/details.js';
import { NameTable } from '../../src/record/name-table.js';
import {
  DESTINATION_COMMAND,
  DESTINATION_USER_NAME,
  FLOW_TYPE,
  OP_NAME,
  OP_U8,
  SOURCE_SOCKET_CGROUP,
  SOURCE_USER_NAME,
  USER_NAME,
} from '../../src/row/layout.generated.js';
import { perBackend } from '../helpers/backends.js';
import { flowTable } from '../helpers/builders/flow-table.js';
import { dataRecord, EncoderRig } from '../helpers/rigs/encoder-rig.js';

perBackend(
  'names of owners are written, that of the source first, and none of an owner that is not known',
  (t, backend) => {
    const names = new NameTable();
    const [alice, bob, web] = ['alice', 'bob', 'web'].map(name => names.intern(name));
    // of owner 1 and 2, behind that of nobody
    const ownerFacts = Uint32Array.of(0, 0, 0, 0, 0, 0, 0, alice, web, 0, 0, 0, 0, bob, bob, 0, 0, 0, 0, 0, web);
    const plan = [
      SOURCE_USER_NAME,
      SOURCE_SOCKET_CGROUP,
      DESTINATION_USER_NAME,
      DESTINATION_COMMAND,
      USER_NAME,
    ].flatMap(at => [OP_NAME, at, 0, 0]);
    const written = (source: number, destination: number): string[] => {
      const extras = { owners: Uint32Array.of(source, destination), ownerFacts };
      const bytes = Buffer.from(dataRecord(backend, {}, plan, { extras, names }), 'hex');
      const texts: string[] = [];
      for (let at = 0; at < bytes.length; at += bytes[at] + 1)
        texts.push(bytes.toString('utf8', at + 1, at + 1 + bytes[at]));
      return texts;
    };
    t.deepEqual(written(1, 2), ['alice', 'web', 'bob', 'web', 'alice']);
    t.deepEqual(written(0, 2), ['', '', 'bob', 'web', 'bob']);
    t.deepEqual(written(1, 0), ['alice', 'web', '', '', 'alice']);
    t.deepEqual(written(3, 0xffff_ffff), ['', '', '', '', ''], 'no owner has these numbers');
    t.is(dataRecord(backend, {}, plan, { names }), '0000000000', 'nobody looks them up');
  },
);

perBackend('whether an owner is known is in the kind of the record', (t, backend) => {
  const kinds: number[] = [];
  const details = [1, 2, 3].flatMap(sides => [TEST_OWNER, sides]);
  for (const owners of [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ]) {
    const templates = (kind: number) => {
      kinds.push(kind >>> FIRST_DETAIL);
      return [{ id: 256, plan: Uint32Array.of(OP_U8, FLOW_TYPE, 1, 0), reserve: 0 }];
    };
    const extras = { owners: Uint32Array.from(owners), ownerFacts: new Uint32Array(14) };
    const options = { shapes: 0, details: Uint32Array.from(details), extras, templates };
    new EncoderRig(backend, flowTable({}), options).all([0]);
  }
  t.deepEqual(kinds, [0b000, 0b101, 0b110, 0b111]);
});
