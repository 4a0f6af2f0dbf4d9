import { endianness } from 'node:os';

/** The host stores the low byte of a number first. */
export const HOST_LITTLE_ENDIAN = endianness() === 'LE';
