import { Buffer } from 'node:buffer';
import {
  hex,
  long,
  message,
  optionsTemplateSet,
  set,
  short,
  templateSet,
  u16,
  u32,
  u8,
  VARIABLE,
} from './ipfix-builder.js';

/** Messages with all that a decoder has to read, for those that change their octets. */
export const RICH = [
  message(
    {},
    templateSet(256, [8, 4], [12, 4], [4, 1], [1, 8], [2, 5], [1, 8, 29305], [152, 8], [154, 8], [82, VARIABLE]),
    set(
      256,
      hex('c0000201 c6336401 06 ffffffffffffffff 0000000001 0000000000000007 0000019e7044887b edc3238080000000'),
      short('lo'),
      hex('c0000202 c6336402 11 0000000000000001 0000000002 0000000000000008 0000019e7044887b edc3238080000000'),
      long('eth0'),
    ),
  ),
  message(
    { sequence: 2 },
    optionsTemplateSet(300, 1, [149, 4], [41, 8]),
    set(300, u32(1), hex('0000000000000005')),
    templateSet(257, [291, VARIABLE], [292, VARIABLE], [293, VARIABLE]),
    set(
      257,
      short(Buffer.concat([u8(3), u16(4), u16(1), hex('0611')])),
      short(Buffer.concat([u8(1), u16(300), u32(1), hex('0000000000000005')])),
      short(Buffer.concat([u8(4), u16(300), u16(16), u32(1), hex('0000000000000005')])),
    ),
  ),
  message({ sequence: 4 }, set(2, u16(256), u16(0)), set(3, u16(3), u16(0)), set(256, hex('00'))),
];
