/** The largest numbers of 8, 16 and 32 bits. */
export const U8_MAX = 0xff;
export const U16_MAX = 0xffff;
export const U32_MAX = 0xffff_ffff;
/** One more than fits into 32 bits. */
export const TWO_32 = 2 ** 32;
