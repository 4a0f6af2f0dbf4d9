/** The versions of Node that ctflow runs on; package.json says the same. 21, 22.0 and 22.1 lack zlib.crc32. */
export const NODE_RANGE = '^20.17.0 || >=22.2.0';

/** One sentence for a version of Node that is out of the range; undefined for one within it. */
export function unsupportedNode(version) {
  const [major, minor] = version.split('.').map(Number);
  const fits = major === 20 ? minor >= 17 : major === 22 ? minor >= 2 : major > 22;
  return fits ? undefined : `ctflow needs Node 20.17 or newer, but not 21, 22.0 or 22.1; this is Node ${version}`;
}
