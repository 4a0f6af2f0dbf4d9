/** Four octets as text: `192.0.2.1`. */
export function formatIPv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Sixteen octets as text in the canonical form of RFC 5952; an IPv4-mapped address ends in dots (section 5). */
export function formatIPv6(bytes: Uint8Array, at: number): string {
  const groups: number[] = [];
  for (let i = at; i < at + 16; i += 2) groups.push((bytes[i] << 8) | bytes[i + 1]);
  // the longest run of two zero groups or more, the first of equals
  let start = 8;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  if (start === 0 && length === 5 && groups[5] === 0xffff) return `::ffff:${formatIPv4(bytes, at + 12)}`;
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map(group => group.toString(16))
      .join(':');
  return start === 8 ? text(0, 8) : `${text(0, start)}::${text(start + length, 8)}`;
}

/** Six octets as text: `00:1b:21:3c:4d:5e`. */
export function formatMac(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = at; i < at + 6; i++) text += `${i > at ? ':' : ''}${bytes[i].toString(16).padStart(2, '0')}`;
  return text;
}
